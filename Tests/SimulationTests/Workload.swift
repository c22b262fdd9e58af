internal import CoppiceFormat
internal import TestSupport

/// Chooses the next operation for a state, from a seed.
struct Workload {
  /// How often each kind of operation comes, relative to the others.
  struct Weights {
    var commit = 40
    var flush = 10
    var fork = 6
    var snapshot = 2
    var create = 1
    var rename = 1
    var delete = 3
    var deleteForGood = 1
    var restore = 2
    var reset = 3
    var annotate = 3
    var restrict = 4
    var set = 2
    var sealStep = 10
    var sealAll = 3
    var checkpoint = 4
    var collect = 3
    var collectYoung = 3
    var collectAutomatically = 2
    var importNew = 1
    var importReplacing = 1
    var share = 3
    var witness = 1
    var readSome = 4
    var closeAndOpen = 1
    var kill = 1
    var powerCut = 3
    var failSync = 0
    var failWrite = 0
    var limitDisk = 0

    static let withErrors: Weights = {
      var weights = Weights()
      weights.failSync = 2
      weights.failWrite = 2
      weights.limitDisk = 2
      return weights
    }()
  }

  static let volumeCount = 4
  static let branchCountMax = 12

  private var generator: SplitMix64
  private let weights: Weights
  private var nameCount = 0
  private var isLimited = false

  private let namePrefix: String

  init(seed: UInt64, weights: Weights = Weights(), namePrefix: String = "b") {
    generator = SplitMix64(seed: seed)
    self.weights = weights
    self.namePrefix = namePrefix
  }

  mutating func next(_ state: ModelState) -> Operation {
    while true {
      if let operation = choose(state) { return operation }
    }
  }

  /// `nil` when the kind drawn makes no sense in this state.
  private mutating func choose(_ state: ModelState) -> Operation? {
    let kinds: [(Int, (inout Workload, ModelState) -> Operation?)] = [
      (weights.commit, { $0.commit($1) }),
      (weights.flush, { me, state in me.pick(state.writable).map { .flush($0) } }),
      (weights.fork, { $0.fork($1, isReadOnly: false) }),
      (weights.snapshot, { $0.fork($1, isReadOnly: true) }),
      (weights.create, { $0.create($1) }),
      (
        weights.rename,
        { me, state in
          me.pick(state.living).map { .rename($0, name: me.newName()) }
        }
      ),
      (
        weights.delete,
        { me, state in
          state.writable.count > 1 ? me.pick(state.deletable).map { .delete($0) } : nil
        }
      ),
      (
        weights.deleteForGood,
        { me, state in
          state.writable.count > 2 ? me.pick(state.deletable).map { .deleteForGood($0) } : nil
        }
      ),
      (
        weights.restore,
        { me, state in
          me.pick(state.deleted).map { .restore($0, name: me.newName()) }
        }
      ),
      (
        weights.reset,
        { me, state in
          guard let target = me.pick(state.replaceable),
            let source = me.pick(state.living(in: state.branches[target]?.domain)),
            source != target
          else { return nil }
          return .reset(target, to: source)
        }
      ),
      (
        weights.annotate,
        { me, state in
          let tags: [UInt16] = [4, 6, 0x4009, 0x400D]
          return me.pick(state.living).map {
            .annotate($0, FieldTag(tags[me.generator.below(4)]), me.value())
          }
        }
      ),
      (
        weights.restrict,
        { me, state in
          // More often taken away than set: others wait for that.
          let tag = me.generator.bool() ? FieldTag.protected : .expired
          let value = me.generator.oneIn(3) ? EntryField.value(ofTime: .max) : nil
          return me.pick(state.living).map { .annotate($0, tag, value) }
        }
      ),
      (
        weights.set,
        { me, _ in
          SettingKey("key-\(me.generator.below(3))").map { .set($0, me.value()) }
        }
      ),
      (weights.sealStep, { _, _ in .sealStep }),
      (weights.sealAll, { _, _ in .sealAll }),
      (weights.checkpoint, { _, _ in .checkpoint }),
      (weights.collectYoung, { _, _ in .collectYoungGarbage }),
      (weights.collectAutomatically, { _, _ in .collectAutomatically }),
      (weights.collect, { me, _ in .collectGarbage(isFull: me.generator.bool()) }),
      (
        weights.importNew,
        { me, state in
          me.hasRoom(state)
            ? .importNew(
              name: me.newName(), seed: me.generator.next() % 1000, domain: me.domain()) : nil
        }
      ),
      (
        weights.importReplacing,
        { me, state in
          me.pick(state.replaceable).map {
            .importReplacing($0, seed: me.generator.next() % 1000)
          }
        }
      ),
      (weights.share, { $0.share($1) }),
      (weights.witness, { _, _ in .witness }),
      (weights.readSome, { me, _ in .readSome(seed: me.generator.next()) }),
      (weights.closeAndOpen, { _, _ in .closeAndOpen }),
      (weights.kill, { _, _ in .kill }),
      (weights.powerCut, { me, _ in .powerCut(seed: me.generator.next()) }),
      (
        weights.failSync,
        { me, _ in
          .failSync(prefix: me.place(), passing: me.generator.below(3))
        }
      ),
      (
        weights.failWrite,
        { me, _ in
          .failWrite(prefix: me.place(), passing: me.generator.below(5))
        }
      ),
      (weights.limitDisk, { $0.limit($1) }),
    ]
    var draw = generator.below(kinds.reduce(0) { $0 + $1.0 })
    for (weight, make) in kinds {
      if draw < weight { return make(&self, state) }
      draw -= weight
    }
    return nil
  }

  private mutating func commit(_ state: ModelState) -> Operation? {
    guard let id = pick(state.writable), let branch = state.branches[id] else { return nil }
    let count = generator.oneIn(4) ? 1 + generator.below(5) : 1
    return .commit(id, (0..<count).map { _ in change(branch) })
  }

  private mutating func change(_ branch: ModelBranch) -> VolumeChange {
    let volume = VolumeNumber(UInt64(generator.below(Self.volumeCount)))
    let byteCount = branch.volumes[volume]?.byteCount ?? 0
    switch generator.below(20) {
    case 0: return .drop(volume)
    case 1, 2: return .resize(volume, byteCount: UInt64(generator.below(Int(byteCount) * 2 + 1)))
    case 3: return .resize(volume, byteCount: offset())
    case 4, 5, 6:
      let start = byteCount > 0 ? UInt64(generator.below(Int(byteCount))) : 0
      return .hole(volume, offset: start, byteCount: UInt64(1 + generator.below(40_000)))
    default:
      return .write(
        volume, offset: offset(), byteCount: writeByteCount(), seed: generator.next() % 1000)
    }
  }

  /// Places in a few neighbourhoods of a volume, so that writes meet, leaves fill, and trees get
  /// more than one level; half of them at a page.
  private mutating func offset() -> UInt64 {
    let page = UInt64(ModelVolume.pageByteCount)
    let starts: [UInt64] = [0, 0, 0, 8, 250, 255, 510, 65_530]
    let number = starts[generator.below(starts.count)] + UInt64(generator.below(8))
    return number * page + (generator.bool() ? 0 : UInt64(generator.below(4096)))
  }

  private mutating func writeByteCount() -> Int {
    switch generator.below(10) {
    case 0...3: 4096
    case 4...6: 1 + generator.below(300)
    case 7, 8: 4096 * (1 + generator.below(8))
    default: 1 + generator.below(150_000)
    }
  }

  private mutating func fork(_ state: ModelState, isReadOnly: Bool) -> Operation? {
    guard hasRoom(state), let source = pick(state.living) else { return nil }
    return .fork(source, name: newName(), isReadOnly: isReadOnly)
  }

  private mutating func share(_ state: ModelState) -> Operation? {
    guard let target = pick(state.writable),
      let source = pick(state.living(in: state.branches[target]?.domain))
    else { return nil }
    let number = VolumeNumber(UInt64(generator.below(Self.volumeCount)))
    guard let volume = state.branches[source]?.volumes[number] else { return nil }
    let pageCount = volume.byteCount / UInt64(ModelVolume.pageByteCount)
    guard pageCount > 0 else { return nil }
    let first = UInt64(generator.below(Int(min(pageCount, 300))))
    return .share(
      source, number, pages: first..<min(first + UInt64(1 + generator.below(10)), pageCount),
      to: target, VolumeNumber(UInt64(generator.below(Self.volumeCount))),
      at: UInt64(generator.below(300)))
  }

  private mutating func limit(_ state: ModelState) -> Operation? {
    isLimited.toggle()
    guard isLimited else { return .unlimitDisk }
    return .limitDisk(freeByteCount: UInt64(generator.below(3 << 20)))
  }

  private mutating func place() -> String {
    ["journal/", "segments/", ""][generator.below(3)]
  }

  private func hasRoom(_ state: ModelState) -> Bool {
    state.living.count < Self.branchCountMax
  }

  private mutating func create(_ state: ModelState) -> Operation? {
    hasRoom(state) ? .create(name: newName(), domain: domain()) : nil
  }

  /// Of three, the standard one most of the time.
  private mutating func domain() -> DomainID {
    generator.bool() ? .standard : DomainID(UInt32(1 + generator.below(2)))
  }

  private mutating func value() -> [UInt8]? {
    generator.oneIn(4) ? nil : generator.bytes(generator.below(400))
  }

  private mutating func newName() -> String {
    nameCount += 1
    return "\(namePrefix)\(nameCount)"
  }

  private mutating func pick(_ ids: [BranchID]) -> BranchID? {
    ids.isEmpty ? nil : ids[generator.below(ids.count)]
  }

  /// The bytes that a write with that seed has: constant, zero, textual or random, so that pages
  /// become holes, equal pages, deltas, and pages that do not compress.
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SplitMix64(seed: seed)
    switch seed % 8 {
    case 0: return [UInt8](repeating: 0, count: count)
    case 1: return [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: count)
    case 2, 3: return generator.bytes(count)
    default:
      let words = (0..<8).map { _ in generator.bytes(1 + generator.below(12)) }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(count + 12)
      while bytes.count < count { bytes += words[generator.below(8)] }
      return Array(bytes.prefix(count))
    }
  }
}
