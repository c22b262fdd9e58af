internal import ArgumentParser
internal import CoppiceServer

struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "du", abstract: "Tell what branches and snapshots hold and cost.",
    discussion: """
      logical: bytes of the files. exclusive: stored bytes that nothing else refers to. shared: \
      stored bytes that others refer to as well. JSON: entries, each with name, logicalByteCount, \
      sharedByteCount, exclusiveByteCount, fileCount; with --if-deleted: deleting, freedByteCount.

      Examples:
        coppice du
        coppice du --if-deleted trial-1 trial-2
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "Branches and snapshots. Default: all.")
  var names: [String] = []

  @Flag(name: .long, help: "Tell what deleting all the named ones together would free.")
  var ifDeleted = false

  func validate() throws {
    guard !ifDeleted || !names.isEmpty else {
      throw ValidationError("--if-deleted needs the names of branches or snapshots")
    }
  }

  func run() throws {
    if ifDeleted {
      try options.print(try options.perform(FreedRequest(names: names)))
    } else {
      try options.print(try options.perform(UsageRequest(names: names)))
    }
  }
}

extension UsageRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("logical", .right), ("exclusive", .right), ("shared", .right), ("files", .right),
      ("name", .left))
    for entry in entries {
      table.add(
        Output.bytes(entry.logicalByteCount), Output.bytes(entry.exclusiveByteCount),
        Output.bytes(entry.sharedByteCount), "\(entry.fileCount)", entry.name)
    }
    return table.text
  }
}

extension FreedRequest.Answer: Reply {
  var text: String {
    "Deleting \(Output.printable(deleting.joined(separator: ", "))) would free "
      + "\(Output.bytes(freedByteCount))\n"
  }
}
