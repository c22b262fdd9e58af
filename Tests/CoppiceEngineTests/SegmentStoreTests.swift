import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// The owner of segments, on a disk of its own.
@Suite struct SegmentStoreTests {
  private static let id = SegmentID(7)
  private static let path = "segments/0000000007"
  private static let header = SegmentHeader(
    uuid: StoreUUID(low: 1, high: 2), segment: id, domain: .standard)

  private let disk = SimulatedDisk(seed: 1)
  private let store: SegmentStore

  init() throws {
    try disk.makeDirectory("segments")
    try disk.syncDirectory("")
    store = SegmentStore(disk: disk)
  }

  private func error(_ body: () throws(SegmentError) -> Void) -> SegmentError? {
    do throws(SegmentError) {
      try body()
      return nil
    } catch {
      return error
    }
  }

  private func isMissing(_ store: SegmentStore? = nil) -> Bool {
    let found = error { () throws(SegmentError) in _ = try (store ?? self.store).open(Self.id) }
    if case .missing(Self.id) = found { return true }
    return false
  }

  // MARK: Making

  @Test func `a segment that was made is there after a power cut, with its header`() throws {
    let file = try store.create(Self.header)
    try file.sync()
    disk.crash(seed: 1)
    let after = SegmentStore(disk: disk)
    #expect(try after.list().ids == [Self.id])
    let segment = try after.open(Self.id)
    #expect(try segment.byteCount() == UInt64(SegmentHeader.byteCount))
    #expect(try segment.bytes(0, SegmentHeader.byteCount) == Self.header.encode())
  }

  @Test(arguments: [DiskOperation.Kind.write, .syncDirectory])
  func `a segment that could not be made leaves nothing`(kind: DiskOperation.Kind) throws {
    disk.inject(DiskFault(kind, namePrefix: "segments", code: ENOSPC))
    let found = error { () throws(SegmentError) in _ = try store.create(Self.header) }
    #expect(found.map { StoreError($0, while: "creating").kind } == .full)
    #expect(try store.list().ids == [])
    #expect(isMissing())
    _ = try store.create(Self.header)
    #expect(try store.list().ids == [Self.id])
  }

  @Test func `a segment is made only once`() throws {
    _ = try store.create(Self.header)
    let found = error { () throws(SegmentError) in _ = try store.create(Self.header) }
    #expect(found.map { StoreError($0, while: "creating").kind } == .conflict)
    #expect(try store.open(Self.id).bytes(0, SegmentHeader.byteCount) == Self.header.encode())
  }

  @Test func `what is no segment is listed apart`() throws {
    for name in ["0000000002", "0000000001", "00000000AB", "1", "other"] {
      _ = try disk.open("segments/\(name)", .create)
    }
    let listing = try store.list()
    #expect(listing.ids == [SegmentID(1), SegmentID(2)])
    #expect(listing.strangers == ["segments/00000000AB", "segments/1", "segments/other"])
  }

  // MARK: Continuing

  private func entry(byteCount: Int) -> SegmentEntry {
    SegmentEntry(
      id: Self.id, domain: .standard, byteCount: UInt64(byteCount), frameCount: 0)
  }

  @Test func `continuing cuts off what was never published, and readers see what comes`() throws {
    let made = try store.create(Self.header)
    try made.write([UInt8](repeating: 1, count: 100), at: UInt64(SegmentHeader.byteCount))
    let again = SegmentStore(disk: disk)
    let end = SegmentHeader.byteCount + 40
    let file = try #require(try again.openToContinue(entry(byteCount: end)))
    #expect(try file.byteCount() == UInt64(end))
    try file.write([UInt8](repeating: 2, count: 10), at: UInt64(end))
    #expect(try again.open(Self.id).bytes(end - 1, 2) == [1, 2])
  }

  @Test func `a segment that lost bytes, or all, is not continued`() throws {
    #expect(try store.openToContinue(entry(byteCount: 64)) == nil)
    _ = try store.create(Self.header)
    #expect(try store.openToContinue(entry(byteCount: 65)) == nil)
    #expect(try store.open(Self.id).byteCount() == UInt64(SegmentHeader.byteCount))
    disk.inject(DiskFault(.open, namePrefix: "segments", code: EMFILE))
    let found = error { () throws(SegmentError) in
      _ = try store.openToContinue(entry(byteCount: 64))
    }
    #expect(found?.saysNothingOfContent == true)
  }

  // MARK: Removing

  @Test func `a reader goes on reading what was removed, and others find nothing`() throws {
    _ = try store.create(Self.header)
    let reader = try store.open(Self.id)
    try store.remove([Self.id])
    #expect(try reader.bytes(0, SegmentHeader.byteCount) == Self.header.encode())
    #expect(isMissing())
    disk.crash(seed: 2)
    #expect(isMissing(SegmentStore(disk: disk)))
  }

  @Test func `no handle is left of a segment that is opened while it is removed`() throws {
    _ = try store.create(Self.header)
    disk.intercept(.remove) { [store] in _ = try? store.open(Self.id) }
    try store.remove([Self.id])
    #expect(isMissing())
  }

  @Test func `no handle is left of a segment whose removal ends while it is opened`() throws {
    let slow = SlowDisk(disk)
    let store = SegmentStore(disk: slow)
    // Another owner made it, so no handle is kept yet.
    _ = try self.store.create(Self.header)
    slow.afterOpening = { try? store.remove([Self.id]) }
    let reader = try store.open(Self.id)
    slow.afterOpening = nil
    #expect(try reader.byteCount() == UInt64(SegmentHeader.byteCount))
    #expect(isMissing(store))
  }

  @Test func `removing what is gone is no failure, and a failed removal can be repeated`() throws {
    _ = try store.create(Self.header)
    disk.inject(DiskFault(.remove, code: EIO))
    let ids = [SegmentID(5), Self.id]
    #expect(error { () throws(SegmentError) in try store.remove([Self.id]) } != nil)
    #expect(try store.open(Self.id).byteCount() == UInt64(SegmentHeader.byteCount))
    try store.remove(ids)
    #expect(isMissing())
  }

  // MARK: What goes wrong

  @Test func `what is missing, hindered and broken are told apart`() throws {
    #expect(isMissing())
    _ = try store.create(Self.header)
    let fresh = SegmentStore(disk: disk)
    for code in [EMFILE, ENOMEM, EACCES, EIO, ENXIO, ESTALE, ETIMEDOUT, ENOTCONN, EHOSTDOWN] {
      disk.inject(DiskFault(.open, namePrefix: "segments", code: code))
      let found = error { () throws(SegmentError) in _ = try fresh.open(Self.id) }
      guard case .unreachable = found else { throw Unexpected(found) }
    }
    // Nothing of that was kept.
    let segment = try fresh.open(Self.id)
    disk.inject(DiskFault(.read, namePrefix: "segments", code: ENOMEM))
    guard case .unreachable = readError(segment) else { throw Unexpected(readError(segment)) }
    // The device is gone, or the machine that has the file: what it has is not.
    for code in [ENXIO, ENODEV, ESTALE, ETIMEDOUT, ENOTCONN, EHOSTDOWN, ENETUNREACH] {
      disk.inject(DiskFault(.read, namePrefix: "segments", code: code))
      let found = try #require(readError(segment))
      guard case .unreachable = found else { throw Unexpected(found) }
      let told = StoreError(found, while: "reading")
      #expect(told.kind == .unavailable && told.reason == .passing)
      #expect("\(told.remedy)".contains("try again"))
    }
    disk.inject(DiskFault(.read, namePrefix: "segments", code: EIO))
    guard case .system = readError(segment) else { throw Unexpected(readError(segment)) }
    #expect(try segment.bytes(0, SegmentHeader.byteCount) == Self.header.encode())
  }

  private func readError(_ segment: SegmentHandle) -> SegmentError? {
    var buffer = [UInt8](repeating: 0, count: 8)
    return buffer.withUnsafeMutableBytes { buffer in
      error { () throws(SegmentError) in _ = try segment.read(into: buffer, at: 0, .wait) }
    }
  }

  @Test func `only what is missing or damaged is corrupt`() {
    let lack = SystemError(call: "open", path: Self.path, code: EMFILE)
    let broken = SystemError(call: "pread", path: Self.path, code: EIO)
    let cases: [(SegmentError, StoreError.Kind, object: String, saysNothing: Bool)] = [
      (.missing(Self.id), .corrupt, Self.path, false),
      (.damaged(object: "it", message: "bad"), .corrupt, "it", false),
      (
        .unsupported(object: "it", .unknownFlags(what: "bundle header", bits: 8)),
        .unsupportedFormat, "it", false
      ),
      (.unreachable(lack), .unavailable, Self.path, true),
      (.system(broken), .unavailable, Self.path, false),
    ]
    for (error, kind, object, saysNothing) in cases {
      let told = StoreError(error, while: "reading")
      #expect(told.kind == kind && told.object == object && !told.remedy.isEmpty)
      #expect(error.saysNothingOfContent == saysNothing)
      #expect((told.reason == .passing) == saysNothing)
    }
  }

  // MARK: Directories

  /// A store of one segment, with its entry.
  private func stored() throws -> (test: TestStore, entry: SegmentEntry) {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 3)
    try main.put(2, generator.bytes(40_000))
    try test.engine.sealer.sealAll()
    return (test, try Self.entry(test))
  }

  private static func entry(_ test: TestStore) throws -> SegmentEntry {
    try test.engine.checkpointer.write()
    let newest = try #require(try StoreInspector(disk: test.disk).catalogues().first)
    return try #require(try newest.content.get().segments.first)
  }

  @Test func `a directory is read once, and again when the segment grew`() throws {
    let (test, entry) = try stored()
    let store = SegmentStore(disk: test.disk)
    let first = try store.directory(entry)
    #expect(first.places.count == Int(entry.frameCount))
    #expect(try store.directory(entry) === first)
    try test.engine.branches.named("main").put(2, [1, 2, 3])
    try test.engine.sealer.sealAll()
    let grown = try Self.entry(test)
    #expect(grown.id == entry.id && grown.frameCount > entry.frameCount)
    #expect(try store.directory(grown).places.count == Int(grown.frameCount))
  }

  @Test func `a directory that cannot be read for a moment is read the next time`() throws {
    let (test, entry) = try stored()
    for fault in [
      DiskFault(.open, namePrefix: "segments", code: EMFILE),
      DiskFault(.read, namePrefix: "segments", code: ENOMEM),
      DiskFault(.read, namePrefix: "segments", passing: 1, code: ENOMEM),
    ] {
      let store = SegmentStore(disk: test.disk)
      test.disk.inject(fault)
      let failure = #expect(throws: StoreError.self) { try store.directory(entry) }
      #expect(failure?.kind == .unavailable && failure?.reason == .passing)
      #expect(try store.directory(entry).places.count == Int(entry.frameCount))
    }
  }

  @Test func `a damaged directory is damage as often as it is asked for`() throws {
    let (test, entry) = try stored()
    let inspection = try StoreInspector(disk: test.disk).segment(entry.id)
    let bundle = try #require(inspection.bundles.first)
    let place = bundle.offset + UInt64(bundle.header.directoryOffset)
    try test.disk.flipBit(3, at: place, in: inspection.file)
    let store = SegmentStore(disk: test.disk)
    for _ in 0..<2 {
      let failure = #expect(throws: StoreError.self) { try store.directory(entry) }
      #expect(failure?.kind == .corrupt)
      #expect(failure?.object == "\(inspection.file) bundle at offset \(bundle.offset)")
    }
    try test.disk.flipBit(3, at: place, in: inspection.file)
    #expect(try store.directory(entry).places.count == Int(entry.frameCount))
  }

  @Test func `a directory says where its segment is not as it was written`() throws {
    let (test, entry) = try stored()
    let path = SegmentStore.path(entry.id)
    let bytes: [UInt8] = try test.disk.contents(of: path)
    let bundle = try #require(try StoreInspector(disk: test.disk).segment(entry.id).bundles.first)
    let object = "\(path) bundle at offset \(bundle.offset)"
    func failure(_ entry: SegmentEntry) -> StoreError? {
      #expect(throws: StoreError.self) { try SegmentStore(disk: test.disk).directory(entry) }
    }
    try test.disk.setContents(of: path, to: Array(bytes.dropLast(10)))
    let short = failure(entry)
    #expect(short?.kind == .corrupt && short?.object == object)
    #expect(short?.message == "the segment ends inside the bundle")
    // The version of the bundle's format.
    try test.disk.setContents(of: path, to: bytes)
    try test.disk.flipBit(1, at: bundle.offset + 4, in: path)
    let newer = failure(entry)
    #expect(newer?.kind == .unsupportedFormat && newer?.object == object)
    try test.disk.setContents(of: path, to: bytes)
    var other = entry
    other.frameCount += 1
    #expect(failure(other)?.kind == .corrupt)
    #expect(failure(other)?.object == path)
    other = entry
    other.id = SegmentID(entry.id.rawValue + 1)
    try test.disk.setContents(of: SegmentStore.path(other.id), to: bytes)
    let stray = failure(other)
    #expect(stray?.kind == .corrupt && stray?.message == "the bundle belongs to another place")
    #expect(try SegmentStore(disk: test.disk).directory(entry).homes.isEmpty)
  }

  @Test func `a directory of a missing segment is damage, until the segment is back`() throws {
    let (test, entry) = try stored()
    let path = SegmentStore.path(entry.id)
    let bytes: [UInt8] = try test.disk.contents(of: path)
    try test.disk.remove(path)
    let store = SegmentStore(disk: test.disk)
    let failure = #expect(throws: StoreError.self) { try store.directory(entry) }
    #expect(failure?.kind == .corrupt && failure?.object == path)
    try test.disk.setContents(of: path, to: bytes)
    #expect(try store.directory(entry).places.count == Int(entry.frameCount))
  }
}

private struct Unexpected: Error {
  let found: SegmentError?
  init(_ found: SegmentError?) { self.found = found }
}

extension SegmentHandle {
  fileprivate func bytes(_ offset: Int, _ count: Int) throws(SegmentError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = try bytes.withMutableBytes { buffer throws(SegmentError) in
      try read(into: buffer, at: UInt64(offset), .wait)
    }
    return Array(bytes.prefix(found))
  }
}

/// A disk on which something happens between the end of an opening and its caller's next step.
private final class SlowDisk: Disk, @unchecked Sendable {
  private let disk: SimulatedDisk
  // Used on one thread.
  var afterOpening: (() -> Void)?

  init(_ disk: SimulatedDisk) { self.disk = disk }

  func open(_ name: String, _ mode: DiskOpenMode) throws(SystemError) -> any DiskFile {
    let file = try disk.open(name, mode)
    afterOpening?()
    return file
  }

  func list(_ directory: String) throws(SystemError) -> [String] { try disk.list(directory) }
  func makeDirectory(_ name: String) throws(SystemError) { try disk.makeDirectory(name) }
  func rename(_ source: String, to target: String) throws(SystemError) {
    try disk.rename(source, to: target)
  }
  func remove(_ name: String) throws(SystemError) { try disk.remove(name) }
  func syncDirectory(_ name: String) throws(SystemError) { try disk.syncDirectory(name) }
  func freeByteCount() throws(SystemError) -> UInt64 { try disk.freeByteCount() }
  func allocatedByteCount() throws(SystemError) -> UInt64 { try disk.allocatedByteCount() }
  func lock(exclusively: Bool) throws(SystemError) -> any DiskLock {
    try disk.lock(exclusively: exclusively)
  }
}
