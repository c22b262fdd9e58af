internal import Coppice
internal import CoppicePlatform

/// Who uses branches and snapshots at this moment, for whoever is about to pull them away.
enum BranchUse {
  /// A closed file is one for the kernel's caller before it is one for the mount: when nobody is
  /// seen to have it open, this long is waited for the news.
  private static let closingNanoseconds: UInt64 = 1_000_000_000
  private static let shownCountMax = 3

  /// Throws `inUse` with the names of those who have files of the entries open, or of the
  /// PostgreSQL servers that work in them.
  static func refuse(_ names: [String], _ context: RequestContext) throws(StoreError) {
    for name in names {
      let tree = try context.store.tree(name)
      try refuse(name, context.doors) { tree.openFileCount }
    }
  }

  /// As `refuse`, of entries with an instance of this server, before that is ended: for those who
  /// are not part of it.
  static func refuseOthers(_ names: [String], _ context: RequestContext) throws(StoreError) {
    guard let instances = context.instances else { return }
    let owners = instances.runningOwners
    for name in names {
      guard let owner = owners[Array(name.utf8)] else { continue }
      let others = context.doors.users.filter {
        $0.entry.hasBytes(of: name) && $0.userID ?? owner != owner
          && !instances.isLaunched($0.process)
      }
      guard !others.isEmpty else { continue }
      throw StoreError(
        .inUse, "files are open besides those of its instance, \(text(of: others))", object: name,
        remedy: "\(others.count > 1 ? "stop them" : "stop it"), or add --force")
    }
  }

  /// Throws `inUse` while a PostgreSQL server works on the branch: it does not see what others
  /// change in its files, and takes it for damage.
  static func refuseServers(of name: String, _ context: RequestContext) throws(StoreError) {
    let servers = context.doors.users.filter {
      $0.entry.hasBytes(of: name) && RunningPostgreSQL.isServer($0.name)
    }
    guard !servers.isEmpty else { return }
    throw StoreError(
      .inUse, "a PostgreSQL server works on it, \(text(of: servers))", object: name,
      remedy: "\(servers.count > 1 ? "stop them" : "stop it"), or add --force")
  }

  /// As `refuse`, for all that is used through the doors; whoever stands in a directory there keeps
  /// them open too, as with any file system.
  ///
  /// - Parameter own: entries whose users this server started itself, by their names' bytes.
  static func refuseAll(
    _ store: Store, _ doors: Doors, besides own: Set<[UInt8]>
  ) throws(StoreError) {
    let affected = doors.users.map(\.entry)
    for name in try store.entries().map(\.name) where !own.contains(Array(name.utf8)) {
      let tree = try store.tree(name)
      // To look who uses an entry is to look at all processes: only for those that are used.
      guard tree.openFileCount > 0 || affected.contains(where: { $0.hasBytes(of: name) }) else {
        continue
      }
      try refuse(name, doors) { tree.openFileCount }
    }
    let visitors = doors.visitors.filter { !own.contains(Array($0.entry.utf8)) }
    guard let first = visitors.first else { return }
    throw StoreError(
      .inUse, "it is the working directory of somebody, \(text(of: visitors))", object: first.entry,
      remedy: "\(visitors.count > 1 ? "stop them" : "stop it"), or add --force")
  }

  private static func refuse(
    _ name: String, _ doors: Doors, openFileCount: () -> Int
  ) throws(StoreError) {
    var users: [DoorUser] = []
    var count = openFileCount()
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + closingNanoseconds
    while true {
      users = doors.users.filter { $0.entry.hasBytes(of: name) }
      count = openFileCount()
      guard count > 0, users.isEmpty, clock.monotonicNanoseconds() < deadline else { break }
      Pause().wait(nanoseconds: 20_000_000)
    }
    guard count > 0 || !users.isEmpty else { return }
    let what =
      count == 0
      ? "a PostgreSQL server works on it"
      : count == 1 ? "1 file is open" : "\(count) files are open"
    throw StoreError(
      .inUse, "\(what), \(text(of: users))", object: name,
      remedy:
        "\(users.isEmpty ? "close it" : users.count > 1 ? "stop them" : "stop it"), or add --force")
  }

  /// `by process 12724 (postgres)`.
  static func text(of users: [DoorUser]) -> String {
    guard !users.isEmpty else { return "by a process that cannot be seen from here" }
    let shown = users.prefix(shownCountMax).map { "\($0.process) (\($0.name))" }
    let rest = users.count - shown.count
    let list = shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    return users.count == 1 ? "by process \(list)" : "by processes \(list)"
  }
}
