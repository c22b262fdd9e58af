import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization
import Testing

/// The time of a file's last change, whatever its modification time says and the clock does.
struct ChangeTimeTests {
  private final class Time: Sendable {
    let value = Mutex<Int64>(0)
  }

  private let time = Time()
  private let branch: Branch

  init() {
    let numbers = Counter(2)
    let core = TreeCore(
      space: MemorySpace(),
      allocateVolume: { () throws(StoreError) in VolumeNumber(numbers.next()) },
      wallNanoseconds: { [time] in time.value.withLock { $0 } })
    branch = Branch(core: core, entry: MemoryBranch.Entry(isSnapshot: false))
  }

  private func at(_ moment: Int64, _ body: () throws -> Void) throws {
    time.value.withLock { $0 = moment }
    try body()
  }

  private func times(_ file: FileID) throws -> [Int64] {
    let attributes = try branch.attributes(of: file)
    return [attributes.modified.nanoseconds, attributes.changed.nanoseconds]
  }

  @Test func `the change time follows the last change of either kind`() throws {
    time.value.withLock { $0 = 100 }
    let file = try branch.createFile("f", in: .root).file
    #expect(try times(file) == [100, 100])
    try at(200) { try branch.write(file, at: 0, [1]) }
    #expect(try times(file) == [200, 200])
    try at(300) { try branch.setAttributes(of: file, AttributeChanges(permissions: 0o600)) }
    #expect(try times(file) == [200, 300])
    try at(400) {
      let later = Timestamp(nanoseconds: 9000)
      try branch.setAttributes(of: file, AttributeChanges(modified: later))
    }
    #expect(try times(file) == [9000, 400])
    try at(500) { try branch.setExtendedAttribute("user.a", of: file, to: []) }
    #expect(try times(file) == [9000, 500])
    try at(600) { try branch.link(file, as: "g", in: .root) }
    #expect(try times(file) == [9000, 600])
    try at(700) { try branch.rename("g", in: .root, to: "h", in: .root) }
    #expect(try times(file) == [9000, 700])
    try at(800) { try branch.remove("h", in: .root) }
    #expect(try times(file) == [9000, 800])
    try at(900) { try branch.truncate(file, to: 0) }
    #expect(try times(file) == [900, 900])
  }

  @Test func `a clock that was set back moves it too`() throws {
    time.value.withLock { $0 = 9000 }
    let file = try branch.createFile("f", in: .root).file
    try at(9100) { try branch.write(file, at: 0, [1]) }
    try at(50) { try branch.setAttributes(of: file, AttributeChanges(permissions: 0o600)) }
    #expect(try times(file) == [9100, 50])
    try at(60) { try branch.write(file, at: 0, [2]) }
    #expect(try times(file) == [60, 60])
  }

  @Test func `what a file opened twice writes shows, though the time of the content was set`()
    throws
  {
    time.value.withLock { $0 = 100 }
    let file = try branch.createFile("f", in: .root).file
    let opened = try branch.open(file)
    defer { opened.close() }
    try at(200) {
      try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try opened.write(at: 0, $0) }
      let later = Timestamp(nanoseconds: 9000)
      try branch.setAttributes(of: file, AttributeChanges(modified: later))
    }
    try at(300) { try opened.punchHole(0..<5) }
    #expect(try times(file) == [300, 300])
  }
}
