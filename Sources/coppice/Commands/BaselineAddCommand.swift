internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct BaselineAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Register a source of branches, and bring its content in.",
    discussion: """
      SOURCE is directory:DIR, tar:FILE, tar:- for standard input, or branch:REF. The content \
      becomes the work branch NAME; with branch:NAME the branch of that name is it, as it is. To \
      branch from it, refresh it, or make a snapshot and approve that.

      With postgres:SERVICE (a running server, by a section of the connection service file of the \
      store's owner), command:CMD (which fills the directory %d) and dump:PATH it is refreshed at \
      once, as by 'coppice baseline refresh', and is there when that has come to its end.

      dump:PATH, for which the store needs a server with its mount, is what pg_dump or pg_dumpall \
      wrote, in any of their formats, at PATH on the server's machine. It is restored into an \
      empty cluster of the newest PostgreSQL that is installed there, whose first superuser is \
      coppice. A dump that does not name its database becomes one that is called NAME; roles that \
      it names and does not bring are made, and may log in.

      The class is that of the source: of a branch, that of its trust domain; of files, raw. With \
      another --class the baseline lies in a domain of its own, which has its name, or in the one \
      that --domain names, and a branch is copied there: every page is stored anew, and nothing is \
      shared. Where the class is lower than the source's, each approval needs an attestation.

      The rules of who may branch are for users with tokens, of whom there are none yet: they bind \
      nobody. The keep rules are those of 'coppice snapshot prune': at each approval the approved \
      snapshots that none of them keeps are deleted, but for the newest.

      JSON: \(BaselineAddRequest.keys).

      Examples:
        coppice baseline add prod --from postgres:prod --refresh 03:00 --keep-daily 7
        coppice baseline add old --from directory:/var/lib/postgresql/15/main
        coppice baseline add masked --from branch:scrubbed --class masked --children-max 50
        coppice baseline add shop --from dump:/srv/shop.dump
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The baseline's name, which is its work branch's.")
  var name: String

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp(
      "postgres:SERVICE, command:CMD, dump:PATH, directory:DIR, tar:FILE, tar:- or branch:REF.",
      valueName: "source"))
  var source: String

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "What data it holds: raw, masked, schema or none. Default: what its source holds.",
      valueName: "class"))
  var dataClass: String?

  @Option(name: .long, help: "The trust domain. Default: the source's, or one of its own.")
  var domain: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Bring it up to date by itself: each day at a time in UTC, 03:00, or every 6h.",
      valueName: "time"))
  var refresh: String?

  @OptionGroup var preparation: PreparationArguments

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What a base backup reads of its origin in a second, as pg_basebackup takes it.",
      valueName: "rate"))
  var maxRate: String?

  @Flag(
    name: .long,
    help: "Have the origin of a base backup write all at once, instead of spread over minutes.")
  var fastCheckpoint = false

  @OptionGroup var rules: BaselineRuleOptions

  @Flag(name: .long, help: "Check and read everything, but change nothing.")
  var dryRun = false

  func run() throws {
    var held: HeldFile?
    var branch: String?
    var waitsForInput = false
    switch try BaselineSource(source) {
    case .directory(let path): held = try HeldFile(source: path)
    case .tar("-"):
      held = try HeldFile.standardInput()
      waitsForInput = true
    case .tar(let path): held = try HeldFile(source: path)
    case .branch(let name): branch = name
    case .postgres, .command, .dump: break
    }
    var wanted = try preparation.preparation()
    (wanted.rateMax, wanted.isHurried) = (maxRate, fastCheckpoint)
    try options.print(
      try options.perform(
        BaselineAddRequest(
          name: name, source: try BaselineSource(source).absolute, file: held?.file,
          branch: branch, class: dataClass, domain: domain, rules: rules.rules, refresh: refresh,
          preparation: wanted, dryRun: dryRun),
        holding: held, showing: dryRun ? "compare" : "import",
        waitingFor: waitsForInput ? "standard input" : nil))
  }
}

/// The rules of a baseline.
struct BaselineRuleOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Who may make branches of it, besides its owners. Default: developer,ci.",
      valueName: "role,..."))
  var roles: RolesArgument?

  @Option(
    name: .long,
    help: ArgumentHelp("How long a branch lives of which nobody said.", valueName: "duration"))
  var ttlDefault: TimeSpan?

  @Option(
    name: .long,
    help: ArgumentHelp("How long a branch can live at most.", valueName: "duration"))
  var ttlMax: TimeSpan?

  @Option(
    name: .long, help: ArgumentHelp("How many live branches there may be.", valueName: "count"))
  var childrenMax: Int?

  @Option(
    name: .long,
    help: ArgumentHelp("How old a snapshot may be to branch from it.", valueName: "duration"))
  var ageMax: TimeSpan?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Approved snapshots to keep: the newest ones. Default: all.")
  var keepLast: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each hour.")
  var keepHourly: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each day.")
  var keepDaily: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each week.")
  var keepWeekly: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each month.")
  var keepMonthly: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each year.")
  var keepYearly: Int?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "All that are less than this older than the newest.", valueName: "duration"))
  var keepWithin: TimeSpan?

  private var keep: BaselineKeep? {
    var keep = BaselineKeep()
    keep.last = keepLast
    keep.hourly = keepHourly
    keep.daily = keepDaily
    keep.weekly = keepWeekly
    keep.monthly = keepMonthly
    keep.yearly = keepYearly
    keep.withinSeconds = keepWithin?.seconds
    return keep == BaselineKeep() ? nil : keep
  }

  var rules: BaselineRules {
    var rules = BaselineRules(
      ttlDefaultSeconds: ttlDefault?.seconds, ttlMaxSeconds: ttlMax?.seconds,
      childrenMax: childrenMax, ageMaxSeconds: ageMax?.seconds, keep: keep)
    if let roles { rules.roles = roles.roles }
    return rules
  }
}

/// Roles, with commas between them.
struct RolesArgument: ExpressibleByArgument {
  var roles: [Principal.Role]

  init?(argument: String) {
    var roles: [Principal.Role] = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let role = Principal.Role(rawValue: String(name)) else { return nil }
      if !roles.contains(role) { roles.append(role) }
    }
    self.roles = roles
  }
}

extension BaselineRules {
  /// One line each.
  var lines: [String] {
    var lines = ["for \(roles.map(\.rawValue).joined(separator: ", "))"]
    if let ttlDefaultSeconds { lines.append("TTL \(Self.span(ttlDefaultSeconds))") }
    if let ttlMaxSeconds { lines.append("TTL at most \(Self.span(ttlMaxSeconds))") }
    if let childrenMax { lines.append("at most \(childrenMax) live branches") }
    if let ageMaxSeconds { lines.append("snapshots younger than \(Self.span(ageMaxSeconds))") }
    if let keep { lines.append("keep \(keep.parts.joined(separator: ", "))") }
    return lines
  }

  private static func span(_ seconds: UInt64) -> TimeSpan {
    TimeSpan(seconds: min(seconds, UInt64(UInt32.max)))
  }
}

extension BaselineKeep {
  /// As `7 daily`.
  fileprivate var parts: [String] {
    let counts = [
      (last, "last"), (hourly, "hourly"), (daily, "daily"), (weekly, "weekly"),
      (monthly, "monthly"), (yearly, "yearly"),
    ]
    return counts.compactMap { count, name in count.map { "\($0 < 0 ? "all" : "\($0)") \(name)" } }
      + (withinSeconds.map { ["within \(TimeSpan(seconds: min($0, UInt64(UInt32.max))))"] } ?? [])
  }
}

extension BaselineAddRequest.Answer: Reply {
  var text: String {
    let verb = addition.isDryRun ? "Would add" : "Added"
    let place = report.domain == report.class ? "" : " in \(Output.printable(report.domain))"
    return "\(verb) \(Output.printable(report.name)), \(report.class)\(place)\n"
      + addition.notes.map { "  note: \(Output.printable($0))\n" }.joined()
  }
}
