import CoppiceErrors
import CoppiceInstances
import Testing

/// Which user numbers instances may have.
struct UserRangeTests {
  private func error<Result>(_ body: () throws -> Result) -> StoreError? {
    #expect(throws: StoreError.self) { try body() }
  }

  @Test func `a range is written by its first and last number`() throws {
    let range = try UserRange("200000-265535")
    #expect(range.first == 200_000 && range.last == 265_535 && range.count == 65_536)
    #expect(range.description == "200000-265535")
    #expect(range.contains(200_000) && range.contains(265_535))
    #expect(!range.contains(199_999) && !range.contains(265_536))
  }

  @Test(arguments: [
    "", "5", "a-b", "200000-", "-200000", "200000-199999", "1-10", "65535-70000",
    "200000-4294967295", "200000-265535-1", "200000–265535", "0x30d40-0x30d41",
  ])
  func `what is no range, or the machine's own users, is refused`(_ text: String) {
    let error = error { try UserRange(text) }
    #expect(error?.kind == .invalid && error?.remedy.isEmpty == false)
  }

  @Test func `a range with a user or group of the machine is refused`() throws {
    let range = try UserRange("200000-200009")
    let others = [["root", "x", "0"], ["odd"], ["far", "x", "200010"], ["none", "x", ""]]
    try range.checkIsFree(users: others, groups: others)
    let taken = others + [["joe", "x", "200009", "1"]]
    let user = error { try range.checkIsFree(users: taken, groups: others) }
    #expect(user?.kind == .conflict && user?.message.contains("user joe") == true)
    let group = error { try range.checkIsFree(users: others, groups: taken) }
    #expect(group?.kind == .conflict && group?.message.contains("group joe") == true)
  }

  @Test func `a user's range is found by name or number`() throws {
    let ranges = SubordinateRanges(lines: [
      ["ann", "100000", "65536"], ["joe", "165536", "10"], ["1001", "200000", "100"],
      ["joe", "300000", "65536"], ["broken"], ["joe", "x", "1"], ["joe", "4294967290", "100"],
    ])
    #expect(
      try ranges.range(ofUser: 1000, name: "ann", count: 65_536).description == "100000-165535")
    #expect(try ranges.range(ofUser: 1001, name: "joe", count: 10).description == "165536-165545")
    #expect(try ranges.range(ofUser: 1001, name: "joe", count: 11).description == "200000-200099")
    #expect(
      try ranges.range(ofUser: 1001, name: "joe", count: 101).description == "300000-365535")
    #expect(try ranges.range(ofUser: 1001, name: nil, count: 1).description == "200000-200099")
  }

  @Test func `who has no or too few numbers is told how to get them`() {
    let ranges = SubordinateRanges(lines: [["ann", "100000", "65536"], ["joe", "165536", "10"]])
    let none = error { try ranges.range(ofUser: 5, name: "eve", count: 1000) }
    #expect(none?.kind == .notFound && none?.object == "eve")
    #expect(
      none?.remedy.description.hasPrefix("give them by 'usermod --add-subuids 165546-231081 eve'")
        == true)
    let few = error { try ranges.range(ofUser: 5, name: "joe", count: 11) }
    #expect(few?.kind == .notFound && few?.message.contains("10 ") == true)
    let nobody = error {
      try SubordinateRanges(lines: []).range(ofUser: 5, name: nil, count: 1)
    }
    #expect(nobody?.object == "5")
    #expect(nobody?.remedy.description.contains("100000-165535 5") == true)
  }

  @Test func `the machine's own ranges are read, also where there are none`() {
    let error = error {
      try SubordinateRanges.ofMachine().range(ofUser: 4_000_000_000, name: nil, count: 1)
    }
    #expect(error?.kind == .notFound && error?.object == "4000000000")
  }
}
