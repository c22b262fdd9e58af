import CoppiceInstances
import CoppicePostgreSQL
import TestSupport
import Testing

struct InstanceRecordTests {
  private let record = InstanceRecord(
    shallRun: true, major: MajorVersion(15), port: 6_007, generation: 3, userID: 300_017,
    dataDirectory: "caf$'\\xE9'/data", login: "ap\"p", database: "дата",
    settings: ["work_mem": "64MB", "log_statement": "all"])

  @Test func `a record is read as it was written`() throws {
    #expect(try InstanceRecord(record.bytes(of: "main")) == record)
  }

  @Test func `bytes that are no record are none, and nothing traps`() throws {
    let bytes = try record.bytes(of: "main")
    for count in bytes.indices { #expect(InstanceRecord(Array(bytes[..<count])) == nil) }
    #expect(InstanceRecord(bytes + [0]) == nil)
    var random = SplitMix64(seed: 11)
    for _ in 0..<10_000 {
      var changed = bytes
      changed[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
        in: .min ... .max, using: &random)
      if let read = InstanceRecord(changed) {
        #expect(try InstanceRecord(read.bytes(of: "main")) == read)
      }
    }
  }

  @Test func `a text that is too long is refused`() {
    var long = record
    long.settings["search_path"] = String(repeating: "x", count: 65_536)
    #expect(throws: (any Error).self) { try long.bytes(of: "main") }
  }
}
