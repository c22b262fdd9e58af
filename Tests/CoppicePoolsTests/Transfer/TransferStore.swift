import CoppiceEngine
import CoppiceErrors
import CoppiceFormat
import CoppicePlatform
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// A store with branches of a pool's family, and its way to the pool.
final class TransferStore {
  let pool: PoolStore
  let engine: Engine
  let disk: SimulatedDisk
  private static let clock = SimulatedClock()

  init(_ world: PoolWorld, _ name: String) throws {
    pool = try world.store(name)
    disk = SimulatedDisk(seed: 1)
    // The same in every store: one family.
    var generator = SplitMix64(seed: 7)
    try Engine.create(disk: disk, clock: Self.clock, options: Self.engineOptions) {
      generator.bytes($0)
    }
    engine = try Engine.open(disk: disk, clock: Self.clock, options: Self.engineOptions)
  }

  /// A store that was closed.
  init(reopening other: TransferStore) throws {
    pool = other.pool
    disk = other.disk
    engine = try Engine.open(disk: disk, clock: Self.clock, options: Self.engineOptions)
  }

  private static var engineOptions: EngineOptions {
    var options = EngineOptions()
    options.pageByteCount = 4096
    options.usesThreads = false
    options.overlayByteCountMax = 8 << 20
    options.sealByteCount = 2 << 20
    options.windowByteCount = 1 << 16
    return options
  }

  var family: PoolFamily { PoolFamily(pageShift: 12, secret: engine.secret.bytes) }

  /// Makes the pool, and writes to it.
  func create() throws -> PoolWriter {
    _ = try PoolAccess.create(pool.site(), family, keyLabel: "key", label: pool.name)
    let writer = try pool.writer()
    _ = try writer.domain(named: "raw", .raw)
    return writer
  }

  static func options(stop: @escaping @Sendable () -> Bool = { false }) -> TransferOptions {
    TransferOptions(threadCount: 1, connectionCount: 2, shouldStop: stop)
  }

  func branch(_ name: String) throws -> EngineBranch {
    try engine.branches.create(named: name, domain: .standard)
  }

  @discardableResult
  func push(
    _ branch: EngineBranch, _ writer: PoolWriter, as name: String = "main"
  ) throws -> PushResult {
    let tree = try engine.sealedTree(of: branch)
    let state = PushedState(
      name: name, domain: .standard, lsn: tree.lsn, createdAt: Int64(tree.lsn.rawValue))
    return try writer.push(tree, as: state, Self.options())
  }

  func pull(
    _ name: String = "main", into target: String
  ) throws -> (branch: EngineBranch, result: PullResult) {
    var access = try PoolAccess.open(pool.site())
    let entry = try #require(try access.newest(name)).entry
    let staging = try engine.imports.begin(domain: .standard)
    let result = try fill(staging, entry, &access)
    return (try staging.publish(creating: target), result)
  }

  func pull(_ name: String = "main", replacing branch: EngineBranch) throws -> PullResult {
    var access = try PoolAccess.open(pool.site())
    let entry = try #require(try access.newest(name)).entry
    let staging = try engine.imports.begin(replacing: branch)
    let result = try fill(staging, entry, &access)
    try staging.publishReplacing(isWhole: true)
    return result
  }

  private func fill(
    _ staging: StagingImport, _ entry: PoolEntry, _ access: inout PoolAccess
  ) throws -> PullResult {
    do {
      return try access.content(Self.options()).pull(entry, into: staging) {
        last throws(StoreError) in try engine.branches.reserveVolumeNumbers(through: last)
      }
    } catch {
      staging.cancel()
      throw error
    }
  }

  func checkPool(_ depth: PoolCheckDepth = .everything) throws -> PoolCheckResult {
    var access = try PoolAccess.open(pool.site())
    return try access.check(depth, Self.options())
  }
}

extension EngineBranch {
  func put(_ volume: UInt64, at offset: UInt64, _ bytes: [UInt8]) throws {
    _ = try bytes.withUnsafeBytes { try write(VolumeNumber(volume), at: offset, $0, time: 1) }
  }

  /// All of a volume; `nil` where there is none.
  func all(_ volume: UInt64) throws -> [UInt8]? {
    guard let attributes = try attributes(of: VolumeNumber(volume)) else { return nil }
    var bytes = [UInt8](repeating: 0xEE, count: Int(attributes.byteCount))
    let count = try bytes.withUnsafeMutableBytes {
      try read(VolumeNumber(volume), at: 0, into: $0)
    }
    return Array(bytes.prefix(count))
  }

  /// What these volumes hold.
  func contents(_ volumes: Range<UInt64> = 2..<12) throws -> [[UInt8]?] {
    try volumes.map { try all($0) }
  }
}

/// Changes that a seed decides: pages of text and of noise, small edits, moved rows, holes, volumes
/// that grow, shrink and go.
struct RandomChanges {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func bytes(_ count: Int) -> [UInt8] {
    if random.next() % 3 == 0 { return random.bytes(count) }
    let words = (0..<16).map { _ in random.bytes(6) }
    var text: [UInt8] = []
    while text.count < count { text += words[Int(random.next() % 16)] }
    return Array(text.prefix(count))
  }

  mutating func apply(_ count: Int, to branch: EngineBranch) throws {
    for _ in 0..<count {
      let volume = 2 + random.next() % 8
      let size = try branch.attributes(of: VolumeNumber(volume))?.byteCount ?? 0
      let kind = random.next() % 10
      switch kind {
      case 0 where size > 0:
        var transaction = Transaction(time: 1)
        transaction.drop(VolumeNumber(volume))
        _ = try branch.commit(transaction)
      case 1 where size > 0:
        let byteCount = random.next() % (size + 40_000)
        var transaction = Transaction(time: 1)
        transaction.resize(VolumeNumber(volume), to: byteCount)
        _ = try branch.commit(transaction)
      case 2:
        // More than a leaf of 256 pages.
        try branch.put(volume, at: random.next() % 3_000_000, bytes(5000))
      case 3, 4:
        try branch.put(volume, at: random.next() % 200_000 / 4096 * 4096, bytes(8 * 4096))
      default:
        let count = Int(random.next() % 300) + 1
        try branch.put(volume, at: random.next() % (size + 4096), bytes(count))
      }
    }
  }
}
