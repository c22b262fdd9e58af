internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "List, keep, delete and try the copies in pools.",
    discussion: """
      Copies come by 'coppice push' and back by 'coppice pull' and 'coppice clone'. REMOTE/REF \
      names one.

      Example:
        coppice backup list offsite
      """,
    subcommands: [
      BackupListCommand.self, BackupDeleteCommand.self, BackupUndeleteCommand.self,
      BackupHoldCommand.self, BackupReleaseCommand.self, BackupPruneCommand.self,
      BackupDrillCommand.self,
    ])
}

struct BackupListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List what a pool has.",
    discussion: """
      JSON: \(BackupListRequest.keys). verifiedAt is when all of a copy was last read and found to \
      be what was written; drill is the last one, and null before the first. Without REMOTE an \
      object for each pool that the store knows.

      Examples:
        coppice backup list offsite
        coppice backup list offsite/main --all
      """)

  @OptionGroup var options: StoreArguments

  @Argument(
    help: ArgumentHelp(
      "A pool, or one branch there. Default: all pools.", valueName: "remote[/branch]"))
  var pool: PoolReference?

  @Flag(
    name: .long,
    help: "Also what was deleted, and states that newer ones took the place of.")
  var all = false

  func run() throws {
    if let pool {
      try options.print(
        try options.perform(
          BackupListRequest(remote: pool.remote, only: pool.name, all: all)))
      return
    }
    for remote in try options.perform(RemoteListRequest()).remotes {
      try options.print(
        try options.perform(BackupListRequest(remote: remote.name, only: nil, all: all)))
    }
  }
}

extension BackupListRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("copy", .left), ("taken", .left), ("holds", .right), ("added", .right),
      ("verified", .left), ("drill", .left), ("", .left))
    for entry in entries {
      let drill = entry.drill.map { drill in
        "\(Output.time(drill.drilledAt))\(drill.status == 0 ? "" : ", failed")"
      }
      table.add(
        "\(remote)/\(entry.name)", Output.time(entry.createdAt),
        Output.bytes(entry.logicalByteCount), Output.bytes(entry.newByteCount),
        entry.verifiedAt.map(Output.time) ?? "", drill ?? "", entry.note)
    }
    return table.text
  }
}

extension BackupEntry {
  /// What else is to be known of it.
  fileprivate var note: String {
    var notes: [String] = []
    if state != .live { notes.append(state.rawValue) }
    if isHeld { notes.append(heldUntil.map { "held until \(Output.time($0))" } ?? "held") }
    if let lockedUntil { notes.append("locked until \(Output.time(lockedUntil))") }
    return notes.joined(separator: ", ")
  }
}

struct BackupDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete copies.",
    discussion: """
      They can be brought back for a day; what only they had goes with 'coppice gc --remote' \
      afterwards. Copies that are held, locked or in use stay.

      JSON: \(BackupChangeRequest.keys).

      Example:
        coppice backup delete offsite/main@2026-11-01
      """)

  @OptionGroup var options: StoreArguments

  @OptionGroup var copies: CopiesArguments

  @Flag(name: .long, help: "Say what would be deleted, and delete nothing.")
  var dryRun = false

  func run() throws {
    try options.print(try options.perform(try copies.request(.delete, dryRun: dryRun)))
  }
}

struct BackupUndeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undelete", abstract: "Bring deleted copies back.",
    discussion: """
      'coppice backup list --all' shows which there are.

      JSON: \(BackupChangeRequest.keys).

      Example:
        coppice backup undelete offsite/main@2026-11-01
      """)

  @OptionGroup var options: StoreArguments

  @OptionGroup var copies: CopiesArguments

  func run() throws { try options.print(try options.perform(try copies.request(.undelete))) }
}

struct BackupHoldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Keep copies from being deleted.",
    discussion: """
      Nobody deletes them, and no keep rule does, until they are released.

      JSON: \(BackupChangeRequest.keys).

      Example:
        coppice backup hold offsite/main@2026-11-01
      """)

  @OptionGroup var options: StoreArguments

  @OptionGroup var copies: CopiesArguments

  func run() throws { try options.print(try options.perform(try copies.request(.hold))) }
}

struct BackupReleaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Let held copies be deleted again, in a day.",
    discussion: """
      JSON: \(BackupChangeRequest.keys).

      Example:
        coppice backup release offsite/main@2026-11-01
      """)

  @OptionGroup var options: StoreArguments

  @OptionGroup var copies: CopiesArguments

  func run() throws { try options.print(try options.perform(try copies.request(.release))) }
}

/// Copies in one pool.
struct CopiesArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("The copies, all in one pool.", valueName: "remote/ref"))
  var copies: [PoolReference]

  func validate() throws {
    for copy in copies { _ = try copy.copy() }
    guard Set(copies.map { Array($0.remote.utf8) }).count == 1 else {
      throw ValidationError("name copies of one pool")
    }
  }

  func request(_ change: BackupChange, dryRun: Bool = false) throws -> BackupChangeRequest {
    BackupChangeRequest(
      remote: copies[0].remote, copies: try copies.map { try $0.copy() }, change: change,
      dryRun: dryRun)
  }
}

extension BackupChangeRequest.Answer: Reply {
  var text: String {
    let verb =
      switch change {
      case .delete: isDryRun ? "Would delete" : "Deleted"
      case .undelete: "Brought back"
      case .hold: "Holds"
      case .release: "Releases in a day"
      }
    return copies.map { "\(verb) \(Output.printable("\(remote)/\($0)"))\n" }.joined()
  }
}
