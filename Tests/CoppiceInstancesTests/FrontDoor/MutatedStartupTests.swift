import CoppiceInstances
import Glibc
import TestSupport
import Testing

/// Startup messages that were changed at random: none passes that a server would read otherwise.
struct MutatedStartupTests {
  /// The role and database that PostgreSQL would take from a startup message, as
  /// `ProcessStartupPacket` does it; `nil` where it would take none.
  private func place(of packet: [UInt8]) -> (user: [UInt8], database: [UInt8])? {
    guard packet.count > 8, Array(packet[..<4]) == StartupBytes.bigEndian(UInt32(packet.count))
    else { return nil }
    func text(at offset: Int) -> [UInt8] { Array(packet[offset...].prefix { $0 != 0 }) }
    let end = packet.count
    var offset = 8
    var user: [UInt8] = []
    var database: [UInt8] = []
    while offset < end {
      let name = text(at: offset)
      if name.isEmpty { break }
      let valueOffset = offset + name.count + 1
      if valueOffset >= end { break }
      let value = text(at: valueOffset)
      if name == Array("user".utf8) { user = value }
      if name == Array("database".utf8) { database = value }
      if name == Array("replication".utf8) { return nil }
      offset = valueOffset + value.count + 1
    }
    return offset == end - 1 ? (user, database.isEmpty ? user : database) : nil
  }

  /// Half of them are startup messages as they should be, but for what changed in one or two bytes.
  private func mutated(_ random: inout SplitMix64) -> [UInt8] {
    let names = ["user", "user\0app\0user", "user\0", "\0user", "users", "replication", "database"]
    let values = ["app", "postgres", "app\0", "", "app\0\0", "ap", "template1"]
    var rest: [UInt8] = []
    if Bool.random(using: &random) {
      let database = Bool.random(using: &random) ? "shop" : "template1"
      rest = Array("user\0app\0database\0\(database)\0uzer\0postgres\0".utf8)
    } else {
      for _ in 0...Int.random(in: 0...2, using: &random) {
        rest += Array((names.randomElement(using: &random) ?? "").utf8) + [0]
        rest += Array((values.randomElement(using: &random) ?? "").utf8) + [0]
      }
    }
    if Int.random(in: 0..<8, using: &random) > 0 { rest += [0] }
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      guard let index = rest.indices.randomElement(using: &random) else { break }
      rest[index] =
        [0, UInt8(ascii: "s"), UInt8(ascii: "a"), UInt8.random(in: 0...255, using: &random)]
        .randomElement(using: &random) ?? 0
    }
    return StartupBytes.packet(3 << 16, rest)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `whoever passes is the login to the server too`(seed: UInt64) throws {
    let fixture = try DoorFixture()
    var random = SplitMix64(seed: seed)
    var passedCount = 0
    for _ in 0..<250 {
      let packet = mutated(&random)
      let client = try fixture.connect()
      try client.send(packet)
      while try !client.isReady(for: POLLIN, milliseconds: 0) {
        guard try fixture.server.isReady(for: POLLIN, milliseconds: 1) else { continue }
        let server = try fixture.server.accept()
        #expect(try server.receive(packet.count) == packet)
        let place = place(of: packet)
        #expect(place?.user == Array("app".utf8), "\(packet)")
        #expect(place?.database != Array("template1".utf8), "\(packet)")
        passedCount += 1
        break
      }
    }
    #expect(20...230 ~= passedCount)
  }
}
