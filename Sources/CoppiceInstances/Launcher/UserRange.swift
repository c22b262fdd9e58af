package import CoppiceErrors
internal import CoppicePlatform

/// Numbers of users, and of groups, that instances may have: nobody else has them.
package struct UserRange: Hashable, Sendable, CustomStringConvertible {
  package let first: UInt32
  package let last: UInt32

  /// Below are the machine's users, the one without rights and those that systemd makes.
  static let numberMin: UInt32 = 65_536
  /// The last number stands for no user.
  static let numberMax: UInt32 = .max - 1

  package init(first: UInt32, last: UInt32) throws(StoreError) {
    guard first <= last, first >= Self.numberMin, last <= Self.numberMax else {
      throw StoreError(
        .invalid, "user numbers of instances are \(Self.numberMin) to \(Self.numberMax)",
        object: "\(first)-\(last)",
        remedy: "give the first and the last number, for example 200000-265535")
    }
    self.first = first
    self.last = last
  }

  /// From text as `description` has it.
  package init(_ text: String) throws(StoreError) {
    let numbers = text.split(byte: UInt8(ascii: "-"), keepsEmpty: true)
    guard numbers.count == 2, let first = UInt32(numbers[0]), let last = UInt32(numbers[1]) else {
      throw StoreError(
        .invalid, "is no range of user numbers", object: text,
        remedy: "give the first and the last number, for example 200000-265535")
    }
    try self.init(first: first, last: last)
  }

  package var count: Int { Int(last - first) + 1 }

  package func contains(_ number: UInt32) -> Bool { (first...last).contains(number) }

  package var description: String { "\(first)-\(last)" }

  /// Throws `conflict` when a user or group of this machine has one of the numbers.
  package func checkIsFree() throws(StoreError) {
    let users: [[String]]
    let groups: [[String]]
    do throws(SystemError) {
      users = try HostUsers.lines(of: "/etc/passwd")
      groups = try HostUsers.lines(of: "/etc/group")
    } catch {
      throw StoreError(error, opening: "the machine's list of users", error.path)
    }
    try checkIsFree(users: users, groups: groups)
  }

  /// Throws `conflict` when a user or group of the machine has one of the numbers.
  /// - Parameters:
  ///   - users: the lines of /etc/passwd, as their fields.
  ///   - groups: those of /etc/group.
  package func checkIsFree(users: [[String]], groups: [[String]]) throws(StoreError) {
    for (lines, kind) in [(users, "user"), (groups, "group")] {
      for line in lines where line.count > 2 {
        guard let number = UInt32(line[2]), contains(number) else { continue }
        throw StoreError(
          .conflict,
          "the machine's \(kind) \(line[0]) has the number \(number), which instances may have",
          object: description, remedy: "give instances a range in which no \(kind) is")
      }
    }
  }
}
