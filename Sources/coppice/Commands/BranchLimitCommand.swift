internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct BranchLimitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limit", abstract: "Limit what a branch and its snapshots may add.",
    discussion: """
      Counted are stored bytes, nodes included, of what they refer to and what is younger than the \
      state that the branch began with: by its fork, its last reset, or an import of all of it. \
      Between two measurements the number may be too high, and is never too low.

      From 80 % on 'branch list', 'du' and the server's log say so. At 100 % files do not grow \
      past 64 KiB any more (ENOSPC in a mount, status 7 here); of a data directory of PostgreSQL \
      only those in base and in tablespaces, so that a server fails a statement and goes on. \
      Overwriting and removing go on. A limit below what was added is refused. \
      Without a size the limit is shown.

      JSON: \(BranchLimitRequest.keys). maxStoredByteCount is null without a limit.

      Examples:
        coppice branch limit trial 10G
        coppice branch limit trial
        coppice branch limit trial --none
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var name: String

  @Argument(help: ArgumentHelp("What it may add. \(ByteCount.help)", valueName: "size"))
  var limit: ByteCount?

  @Flag(name: .long, help: "Take the limit away.")
  var none = false

  func validate() throws {
    guard limit == nil || !none else { throw ValidationError("write a size or --none, not both") }
  }

  func run() throws {
    guard limit != nil || none else {
      let entry = try options.perform(BranchShowRequest(name: name)).report
      return try options.print(BranchLimitRequest.Answer(entry))
    }
    try options.print(
      try options.perform(BranchLimitRequest(name: name, byteCount: limit?.value)))
  }
}

extension BranchLimitRequest.Answer: Reply {
  var text: String {
    let added = addedByteCount.map { "has added \(Output.bytes($0))" } ?? "is not measured"
    let limit = maxStoredByteCount.map { "may add \(Output.bytes($0))" } ?? "has no limit"
    return "\(Output.printable(name)) \(limit), \(added)\n"
  }
}
