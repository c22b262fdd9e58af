/// What is found in a cluster that is to become a source of branches.
public struct ClusterFinding: Hashable, Sendable, Codable {
  /// Findings by which branches would not work, or would share what is the origin's, are in capital
  /// letters: they stop what is asked for, unless they are accepted.
  public enum Code: String, Hashable, Sendable, Codable, CaseIterable {
    /// No programs of the major version are installed here.
    case majorMissing = "MAJOR-MISSING"
    /// Pages have another size than servers here read.
    case blockSize = "BLOCK-SIZE"
    /// A database has an extension whose files are not installed here.
    case extensionMissing = "EXTENSION-MISSING"
    /// Texts are ordered otherwise here: indexes on them would be wrong.
    case collationVersion = "COLLATION-VERSION"
    /// Files lie outside of the data directory.
    case tablespaces = "TABLESPACES"
    /// The superuser that initdb made, as whom Coppice works, may not log in.
    case superuserShutOut = "SUPERUSER-SHUT-OUT"
    /// The database in which Coppice works takes no connections, or was dropped.
    case templateClosed = "TEMPLATE-CLOSED"
    /// The programs here are of an older minor version.
    case minorOlder = "minor-older"
    case checksumsOff = "checksums-off"
    /// Recovery empties them.
    case unloggedTables = "unlogged-tables"
    /// They are rolled back.
    case preparedTransactions = "prepared-transactions"
    /// They are dropped.
    case slots = "replication-slots"
    /// They are disabled.
    case subscriptions
    /// Branches cannot reach them.
    case foreignServers = "foreign-servers"
    /// They run in no branch.
    case scheduledJobs = "scheduled-jobs"
    /// Libraries that branches do not load.
    case workersLeftOut = "workers-left-out"
    case superuserLogins = "superuser-logins"

    /// Whether it stops what is asked for unless it is accepted.
    public var stops: Bool { rawValue.first?.isUppercase ?? false }

    /// Whether somebody may take it as it is.
    public var isAcceptable: Bool { self == .extensionMissing || self == .collationVersion }
  }

  public var code: Code
  /// The database that it is in; `nil`: the whole cluster.
  public var database: String?
  /// What it is about: names.
  public var objects: [String]

  public init(_ code: Code, in database: String? = nil, _ objects: [String]) {
    self.code = code
    self.database = database
    self.objects = objects
  }

  /// A sentence without its code.
  public var text: String {
    let list = objects.prefix(Self.shownCountMax).joined(separator: ", ")
    let rest = objects.count - Self.shownCountMax
    return "\(code.meaning): \(list)\(rest > 0 ? " and \(rest) more" : "")"
  }

  private static let shownCountMax = 8
}

extension ClusterFinding.Code {
  fileprivate var meaning: String {
    switch self {
    case .majorMissing: "no programs of its major version are installed here"
    case .blockSize: "its pages have a size that servers here do not read"
    case .extensionMissing: "extensions that are not installed here"
    case .collationVersion: "texts are ordered otherwise here, and indexes on them would be wrong"
    case .tablespaces: "tablespaces lie outside of the data directory"
    case .superuserShutOut: "the first superuser, as whom branches are prepared, may not log in"
    case .templateClosed: "the database in which branches are prepared takes no connections"
    case .minorOlder: "the programs here are older than its server"
    case .checksumsOff: "pages have no checksums"
    case .unloggedTables: "unlogged tables are empty in branches"
    case .preparedTransactions: "prepared transactions are rolled back in branches"
    case .slots: "replication slots are not in branches"
    case .subscriptions: "subscriptions are disabled in branches"
    case .foreignServers: "branches do not reach foreign servers"
    case .scheduledJobs: "jobs of schedulers do not run in branches"
    case .workersLeftOut: "libraries that branches do not load"
    case .superuserLogins: "superusers that may log in"
    }
  }
}
