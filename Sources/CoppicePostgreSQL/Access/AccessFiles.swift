public import CoppiceErrors

/// Who may log in to an instance, and how: the content of its `pg_hba.conf` and `pg_ident.conf`.
///
/// Clients of a branch and Coppice itself come by the same Unix socket and as the same user of the
/// machine: the front door passes clients on from the process that also administers. So a server
/// cannot tell them apart by who connects, nor by the directory of the socket, for its rules know
/// neither: the first line that fits database and role decides on the method, and when that method
/// fails none behind it is tried. What is left to tell them apart is the pair of database and role:
///
/// - the cluster's first superuser in `template1`, and nobody else anywhere, is let in by `peer`,
///   when the machine's kernel says that the other end is one of Coppice's users (the store's, or
///   root);
/// - whoever else asks, and this superuser in other databases, gives a password (SCRAM).
///
/// So administration needs no password, also before the login has one, and works where the login is
/// the only superuser. It has all it needs in `template1`, where the roles and databases of a
/// cluster are seen and changed like anywhere. Clients have no use for that database with that
/// role.
///
/// What is needed for it to hold: **the front door passes on no client that asks for the database
/// `template1`**, and it must see what a server would: a parameter that comes twice is refused, and
/// the user's name stands for a database that is missing or empty. Other users of the machine who
/// get at the socket are not in the map: for `template1` they are refused as the superuser, and
/// else give passwords like everybody.
///
/// A server looks a user's name up in the machine's list of users as it sees it (`/etc/passwd`): in
/// an instance with files of its own that must have the names of Coppice's users.
public struct AccessFiles: Hashable, Sendable {
  /// Where administration logs in. Every cluster has it unless somebody dropped it.
  public static let administrativeDatabase = "template1"

  private static let map = "coppice"
  /// A server cuts longer names off.
  private static let nameByteCountMax = 63

  /// The role that administers.
  public let administrator: String
  private let systemUsers: [String]
  private let wantsReplication: Bool
  private let isClosed: Bool

  /// Throws `unsupportedFormat` for a role whose name these files cannot hold: with an end of line,
  /// or a slash at its beginning; `invalid` for such a user of the machine.
  ///
  /// - Parameters:
  ///   - administrator: the cluster's first superuser (`BootstrapRole`).
  ///   - systemUsers: the names of the machine's users under which Coppice works.
  ///   - isClosed: whether nobody else is let in, and administration works in every database.
  public init(
    administrator: String, systemUsers: [String], wantsReplication: Bool = false,
    isClosed: Bool = false
  ) throws(StoreError) {
    guard Self.isWritable(administrator) else {
      throw StoreError(
        .unsupportedFormat,
        "the first superuser has a name that a server's rules of access cannot hold",
        object: administrator,
        remedy: "rename it in the origin (ALTER ROLE ... RENAME): no end of line, no slash first")
    }
    for user in systemUsers where !Self.isWritable(user) {
      throw StoreError(
        .invalid, "the machine's user has a name that a server's map of users cannot hold",
        object: user, remedy: "run the server as a user with another name")
    }
    self.administrator = administrator
    self.systemUsers = systemUsers
    self.wantsReplication = wantsReplication
    self.isClosed = isClosed
  }

  /// Behind a slash stands a pattern, in quotes too. A name is never empty.
  private static func isWritable(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= nameByteCountMax && name.utf8.first != UInt8(ascii: "/")
      && Setting.isValue(name)
  }

  /// The content of `pg_hba.conf`.
  public var hba: String {
    let databases = isClosed ? "all" : Self.administrativeDatabase
    var lines = [
      "# Made by Coppice at each start of this instance: changes would be lost.",
      "local \(databases) \(Self.quoted(administrator)) peer map=\(Self.map)",
      "local all all \(isClosed ? "reject" : "scram-sha-256")",
    ]
    if wantsReplication, !isClosed { lines.append("local replication all scram-sha-256") }
    return lines.map { "\($0)\n" }.joined()
  }

  /// The content of `pg_ident.conf`.
  public var ident: String {
    systemUsers.map { user in
      "\(Self.map) \(Self.quoted(user)) \(Self.quoted(administrator))\n"
    }.joined()
  }

  /// In quotes no word has a meaning of its own.
  private static func quoted(_ name: String) -> String { "\"\(name.doubling(["\""]))\"" }
}
