import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// A store on a simulated disk, driven step by step.
final class TestStore {
  let disk: SimulatedDisk
  let clock = SimulatedClock()
  var options: EngineOptions
  var engine: Engine

  /// - Parameter isNew: whether the store is made; else it is on the disk already.
  init(
    disk: SimulatedDisk = SimulatedDisk(seed: 1), options: EngineOptions = .small,
    isNew: Bool = true
  ) throws {
    self.disk = disk
    self.options = options
    var generator = SplitMix64(seed: 7)
    if isNew {
      try Engine.create(disk: disk, clock: clock, options: options) { generator.bytes($0) }
    }
    engine = try Engine.open(disk: disk, clock: clock, options: options)
  }

  var pageByteCount: Int { engine.pageByteCount }

  /// Cuts the power and opens again.
  func crash(seed: UInt64) throws {
    disk.crash(seed: seed)
    engine.abandon()
    engine = try Engine.open(disk: disk, clock: clock, options: options)
    engine.checkInvariants()
  }

  func reopen() throws {
    try engine.close()
    try open()
  }

  /// Opens the store, which is closed.
  func open() throws {
    engine = try Engine.open(disk: disk, clock: clock, options: options)
    engine.checkInvariants()
  }

  /// Flips a bit of the stored bytes of the first frame of a page, or of the node from it on.
  @discardableResult
  func damage(
    _ kind: FrameKind, at page: UInt64, in segment: UInt64 = 1, bit: Int, ofByte byte: UInt64
  ) throws -> FrameName {
    let inspection = try StoreInspector(disk: disk).segment(SegmentID(segment))
    let frame = try #require(
      inspection.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == kind && $0.entry.page == PageNumber(page)
      })
    try disk.flipBit(bit, at: UInt64(frame.locator.offset) + byte, in: inspection.file)
    return frame.name
  }

  /// Repairs the store, which is closed and stays so.
  func repair(acceptsLoss: Bool = false) throws -> RepairReport {
    var repair = RepairOptions()
    repair.acceptsLoss = acceptsLoss
    return try Engine.repair(disk: disk, clock: clock, options: options, repair)
  }
}

extension EngineOptions {
  static var small: EngineOptions {
    var options = EngineOptions()
    options.pageByteCount = 4096
    options.usesThreads = false
    options.overlayByteCountMax = 8 << 20
    options.pageCacheByteCount = 1 << 20
    options.nodeCacheByteCount = 1 << 20
    options.windowByteCount = 1 << 16
    options.sealByteCount = 2 << 20
    return options
  }
}

extension Branches {
  /// A branch of the standard trust domain.
  func create(
    named name: String, annotations: [FieldChange] = []
  ) throws(StoreError) -> EngineBranch {
    try create(named: name, domain: .standard, annotations: annotations)
  }
}

extension EngineBranch {
  @discardableResult
  func put(_ volume: UInt64, at offset: UInt64 = 0, _ bytes: [UInt8], time: Int64 = 1) throws -> LSN
  {
    try bytes.withUnsafeBytes { try write(VolumeNumber(volume), at: offset, $0, time: time) }
  }

  func get(_ volume: UInt64, at offset: UInt64 = 0, _ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    let read = try bytes.withUnsafeMutableBytes {
      try self.read(VolumeNumber(volume), at: offset, into: $0)
    }
    return Array(bytes.prefix(read))
  }

  func all(_ volume: UInt64) throws -> [UInt8]? {
    guard let attributes = try attributes(of: VolumeNumber(volume)) else { return nil }
    return try get(volume, Int(attributes.byteCount))
  }
}

/// The error that `body` ends with.
func failure(_ body: () throws -> Void) -> StoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoreError
  }
}
