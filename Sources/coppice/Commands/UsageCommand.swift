internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "du", abstract: "Tell what branches and snapshots hold and cost.",
    discussion: """
      logical: bytes of the files. exclusive: stored bytes that nothing else refers to, and bytes \
      of changes that only the journal has. shared: those that others refer to as well, deleted \
      ones that can be restored included; --if-deleted tells what 'branch delete --now' frees, and \
      names who keeps the rest.

      JSON: \(UsageRequest.keys). total is null with names. Its storedByteCount is the sum of \
      exclusiveByteCount, sharedByteCount, garbageByteCount and metadataByteCount; \
      unsealedByteCount is of changes that only the journal has.

      JSON with --if-deleted: \(FreedRequest.keys). sharedByteCount is what stays, sharers are \
      who keep it.

      JSON with --history: \(GrowthRequest.keys). Numbers are those since the branch was made.

      Examples:
        coppice du
        coppice du --explain
        coppice du --if-deleted trial-1 trial-2
        coppice du --history main --json
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "Branches and snapshots. Default: all.")
  var names: [String] = []

  @Flag(name: .long, help: "Tell what deleting all the named ones together would free.")
  var ifDeleted = false

  @Flag(name: .long, help: "Tell what the named branches have stored over time.")
  var history = false

  @Flag(name: .long, help: "Say for every stored byte what holds it.")
  var explain = false

  func validate() throws {
    guard !(ifDeleted || history) || !names.isEmpty else {
      throw ValidationError("--if-deleted and --history need names of branches")
    }
    guard !ifDeleted || !history else {
      throw ValidationError("--if-deleted and --history exclude one another")
    }
    guard !explain || names.isEmpty else {
      throw ValidationError("--explain is about the whole store, without names")
    }
  }

  func run() throws {
    if ifDeleted {
      try options.print(try options.perform(FreedRequest(names: names)))
    } else if history {
      try options.print(try options.perform(GrowthRequest(names: names)))
    } else {
      let answer = try options.perform(UsageRequest(names: names))
      try options.print(UsageReply(answer: answer, isExplained: explain))
    }
  }
}

/// What entries take, and the whole store.
private struct UsageReply: Reply {
  let answer: UsageRequest.Answer
  let isExplained: Bool

  func encode(to encoder: any Encoder) throws { try answer.encode(to: encoder) }

  var text: String {
    var table = TextTable(
      ("logical", .right), ("exclusive", .right), ("shared", .right), ("files", .right),
      ("name", .left))
    for entry in answer.entries {
      table.add(
        Output.bytes(entry.logicalByteCount), Output.bytes(entry.exclusiveByteCount),
        Output.bytes(entry.sharedByteCount), "\(entry.fileCount)", entry.name)
    }
    guard let total = answer.total else { return table.text }
    return table.text + "\n" + (isExplained ? total.explanation : total.summary)
  }
}

extension GrowthRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("stored", .right), ("new", .right), ("delta", .right), ("equal", .right), ("time", .left),
      ("name", .left))
    for entry in entries {
      for sample in entry.samples {
        table.add(
          Output.bytes(sample.storedByteCount), "\(sample.newPageCount)",
          "\(sample.deltaPageCount)", "\(sample.duplicatePageCount)", Output.time(sample.sealedAt),
          entry.name)
      }
    }
    return table.text
  }
}

extension FreedRequest.Answer: Reply {
  var text: String {
    "Deleting \(Output.printable(addition.deleting.joined(separator: ", "))) would free "
      + "\(Output.bytes(report.freedByteCount))\n"
      + SpaceSharer.keeping(report.sharedByteCount, report.sharers)
  }
}
