import CoppicePostgreSQL
import TestSupport
import Testing

struct BootstrapRoleTests {
  private func bytes(_ number: UInt32) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  private func map(_ entries: [(UInt32, UInt32)], magic: UInt32 = 0x592717) -> [UInt8] {
    bytes(magic) + bytes(UInt32(entries.count)) + entries.flatMap { bytes($0.0) + bytes($0.1) }
  }

  /// A page of the table of roles with a row for each, from its end on.
  private func page(_ roles: [(number: UInt32, name: String)]) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: 8192)
    var end = 8192
    for (index, role) in roles.enumerated() {
      var row = [UInt8](repeating: 0, count: 24)
      row[22] = 24
      row += bytes(role.number) + Array(role.name.utf8)
      row += [UInt8](repeating: 0, count: 104 - row.count)
      end -= row.count
      page.replaceSubrange(end..<end + row.count, with: row)
      let item = UInt32(end) | 1 << 15 | UInt32(row.count) << 17
      page.replaceSubrange(24 + index * 4..<28 + index * 4, with: bytes(item))
    }
    let lower = 24 + roles.count * 4
    page[12] = UInt8(lower & 0xFF)
    page[13] = UInt8(lower >> 8)
    return page
  }

  @Test func `the map says which file has the roles`() {
    #expect(BootstrapRole.fileName(inMap: map([(1262, 1262), (1260, 16_400)])) == "16400")
    #expect(BootstrapRole.fileName(inMap: map([(1262, 1262)])) == nil)
    #expect(BootstrapRole.fileName(inMap: map([(1260, 1)], magic: 1)) == nil)
  }

  @Test func `the first superuser is found by his number, the newest name last`() {
    let roles = page([(10, "postgres"), (3373, "pg_monitor"), (10, "root"), (16_384, "app")])
    #expect(BootstrapRole.names(inRoles: roles) == ["postgres", "root"])
    #expect(BootstrapRole.names(inRoles: page([(16_384, "app")]) + roles) == ["postgres", "root"])
  }

  @Test func `bytes of any kind are no trap`() {
    var random = SplitMix64(seed: 7)
    let (good, goodMap) = (page([(10, "postgres")]), map([(1260, 1260)]))
    for _ in 0..<2_000 {
      var bytes = good
      for _ in 0..<8 {
        bytes[Int.random(in: 0..<64, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = BootstrapRole.names(inRoles: bytes)
      _ = BootstrapRole.names(
        inRoles: Array(bytes.prefix(Int.random(in: 0...8192, using: &random))))
      var map = goodMap
      map[Int.random(in: 0..<map.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      _ = BootstrapRole.fileName(inMap: Array(map.prefix(Int.random(in: 0...20, using: &random))))
    }
  }
}
