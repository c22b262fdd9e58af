package import CoppiceErrors
internal import CoppicePlatform

/// The subordinate user numbers of the machine's users, as /etc/subuid has them:
/// `name:first:count`, with a name or a number for the user.
package struct SubordinateRanges: Sendable {
  private let ranges: [(user: String, first: UInt32, count: UInt32)]

  /// - Parameter lines: of the file, as their fields; what is no range is left out.
  package init(lines: [[String]]) {
    ranges = lines.compactMap { line in
      guard line.count == 3, let first = UInt32(line[1]), let count = UInt32(line[2]), count > 0,
        !first.addingReportingOverflow(count).overflow
      else { return nil }
      return (line[0], first, count)
    }
  }

  /// The machine's own. A missing file is an empty one.
  package static func ofMachine() throws(StoreError) -> SubordinateRanges {
    do throws(SystemError) {
      return SubordinateRanges(lines: try HostUsers.lines(of: "/etc/subuid"))
    } catch {
      guard !error.isMissing else { return SubordinateRanges(lines: []) }
      throw StoreError(
        .unavailable, "the subordinate user numbers cannot be read", object: error.path,
        remedy: "give a range by --pg-users", cause: error.description)
    }
  }

  /// The numbers that instances of a user's store may have: the first range of his that has enough.
  /// - Parameter count: how many are needed.
  /// - Throws: `notFound` when he has none of that length.
  package func range(
    ofUser user: UInt32, name: String?, count: Int
  ) throws(StoreError) -> UserRange {
    let own = ranges.filter { $0.user == "\(user)" || $0.user == name }
    for range in own where Int(range.count) >= count {
      return try UserRange(first: range.first, last: range.first + (range.count - 1))
    }
    let who = name ?? "\(user)"
    let most = own.map(\.count).max() ?? 0
    let free = free(count)
    throw StoreError(
      .notFound,
      own.isEmpty
        ? "the user has no subordinate user numbers for instances"
        : "the user has \(most) subordinate user numbers in a row, and instances need \(count)",
      object: who,
      remedy: """
        give them by 'usermod --add-subuids \(free) \(who)', or a range of your own by --pg-users
        """)
  }

  /// The text of a range behind all that are given.
  private func free(_ count: Int) -> String {
    let end = ranges.map { Int($0.first) + Int($0.count) }.max() ?? 0
    let first = max(100_000, end)
    return "\(first)-\(first + max(count, 65_536) - 1)"
  }
}
