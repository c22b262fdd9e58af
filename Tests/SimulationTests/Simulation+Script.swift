internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport

/// Ends a script whose power was cut.
struct PowerIsOff: Error {}

/// Short words for scripted schedules.
extension Simulation {
  func id(_ name: String) throws -> BranchID {
    if disk.isPoweredOff { throw PowerIsOff() }
    guard let id = state.branch(named: name) else { throw failure("no branch \(name)") }
    return id
  }

  /// Writes whole pages of random bytes, so that every one is a page of its own on disk.
  func write(_ name: String, volume: UInt64 = 1, page: UInt64, count: Int = 1, seed: UInt64)
    throws
  {
    let size = ModelVolume.pageByteCount
    try change(
      name,
      .write(
        VolumeNumber(volume), offset: page * UInt64(size), byteCount: count * size,
        seed: seed * 8 + 2))
  }

  func change(_ name: String, _ changes: VolumeChange...) throws {
    try perform(.commit(try id(name), changes))
  }

  func resize(_ name: String, volume: UInt64 = 1, to byteCount: UInt64) throws {
    try change(name, .resize(VolumeNumber(volume), byteCount: byteCount))
  }

  func fork(_ name: String, as child: String, isReadOnly: Bool = false) throws {
    try perform(.fork(try id(name), name: child, isReadOnly: isReadOnly))
  }

  func reset(_ name: String, to source: String) throws {
    try perform(.reset(try id(name), to: try id(source)))
  }

  func create(_ name: String) throws { try perform(.create(name: name)) }

  func delete(_ name: String) throws { try perform(.delete(try id(name))) }

  func flush() throws { try perform(.flush(try id("main"))) }

  /// Seals every layer there is, with something happening in between: after the frames are written,
  /// before they are synced and published.
  func seal(during body: @escaping () throws -> Void) throws {
    var outcome: Result<Void, any Error>?
    disk.intercept(.sync, namePrefix: "segments/") { outcome = Result(catching: body) }
    try perform(.sealStep)
    if disk.isPoweredOff { return }
    guard let outcome else { throw failure("the seal synced no segment") }
    try outcome.get()
  }
}

extension Simulation {
  /// Bytes of all segment files.
  var segmentByteCount: UInt64 {
    disk.fileNames().filter { $0.hasPrefix("segments/") }.reduce(0) { sum, name in
      sum + UInt64((try? disk.contents(of: name).count) ?? 0)
    }
  }
}
