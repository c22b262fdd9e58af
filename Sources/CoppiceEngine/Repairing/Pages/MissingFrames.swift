internal import CoppiceFormat
internal import CoppicePlatform

/// Live frames that lie in hosts with damaged directories, and of which no directory says where.
struct MissingFrames {
  /// What refs name, by content.
  var refs: [PageHash: [Ref]] = [:]
  /// Full frames that others build on; their hashes are not known.
  var bases: [FrameName: Base] = [:]

  struct Base {
    var locator: Locator
    /// Frames that prove what the base is: decoded with it, they have the hash they should have.
    var dependents: [Dependent] = []
  }

  enum Dependent {
    /// A frame that can be read, and the half of its hash that its directory names.
    case stored(Locator, hashPrefix: UInt64)
    /// A page that seems to begin there, and has the hash of a missing one.
    case likely(DamagedRegion, Int)
  }

  private static let dependentCountMax = 8

  var isEmpty: Bool { refs.isEmpty && bases.isEmpty }

  mutating func add(_ dependent: Dependent, to base: Locator) {
    var known = bases[base.name] ?? Base(locator: base)
    if known.dependents.count < Self.dependentCountMax { known.dependents.append(dependent) }
    bases[base.name] = known
  }
}

/// Finds out what is missing: walks from roots, as far as nodes can be read.
struct MissingFrameSearch {
  let engine: Engine
  /// Homes that may have frames in damaged hosts.
  let homes: Set<SegmentID>
  /// What was found already.
  let found: [FrameName: RetiredFrames.Found]

  func run(_ roots: [Ref]) throws(StoreError) -> MissingFrames {
    var missing = MissingFrames()
    let visited = FrameSet()
    try FrameWalk(frames: engine.core.frames).walk(
      roots,
      enter: { met throws(StoreError) in
        met.removeAll { !visited.insert($0.locator.name) }
        for ref in met where try isMissing(ref.locator.name) {
          missing.refs[ref.hash, default: []].append(ref)
        }
      },
      unreadable: { _, _ in })
    try takeBases(of: visited, &missing)
    return missing
  }

  func isMissing(_ name: FrameName) throws(StoreError) -> Bool {
    guard homes.contains(name.segment) else { return false }
    do throws(StoreError) {
      _ = try engine.core.retired.find(name)
      return false
    } catch {
      if error.saysNothingOfContent { throw error }
      return true
    }
  }

  /// Directories say which frames build on others, but for frames that were just found.
  private func takeBases(of visited: FrameSet, _ missing: inout MissingFrames)
    throws(StoreError)
  {
    var derived: [(locator: Locator, hashPrefix: UInt64)] = []
    let segments = Array(engine.core.keeper.segments.values)
    try engine.core.segmentStore.scanFrames(of: segments) { frame, _ throws(StoreError) in
      if try isMissing(frame.entry.base), visited.contains(frame.name) {
        derived.append((frame.locator, frame.entry.hashPrefix))
      }
    }
    for (name, found) in found where found.place.form.isDerived {
      let locator = Locator(
        name: name, offset: found.place.offset, storedByteCount: found.place.storedByteCount,
        form: found.place.form)
      derived.append((locator, found.place.hashPrefix))
    }
    for frame in derived.sorted(by: { $0.locator.name < $1.locator.name }) {
      let base = try engine.core.frames.codecs.withSet { set throws(StoreError) in
        try readable(engine.core.frames.base(of: frame.locator, set))
      }
      guard let base, try isMissing(base.name) else { continue }
      missing.add(.stored(frame.locator, hashPrefix: frame.hashPrefix), to: base)
    }
  }
}
