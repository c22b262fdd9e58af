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

      added: what branches and their snapshots added since they began, as last measured, with its \
      share of their limit; see 'coppice branch limit --help'.

      JSON: \(UsageRequest.keys). total is null with names. Its storedByteCount is the sum of \
      exclusiveByteCount, sharedByteCount, garbageByteCount and metadataByteCount; \
      unsealedByteCount is of changes that only the journal has.

      JSON with --if-deleted: \(FreedRequest.keys). sharedByteCount is what stays, sharers are \
      who keep it.

      JSON with --history: \(GrowthRequest.keys). Without names store is what the whole store \
      took and its disk had free, with names entries are what these stored since they were made. \
      forecast is a straight line through the last seven days, or null as long as there are fewer \
      than six samples or less than an hour of them. fullAt is when the disk is full, limitAt when \
      a branch is at its limit; both may be null.

      With --remote: what a pool's copies hold and what their pushes added to it, and what its \
      objects take.

      JSON with --remote: \(RemoteUsageRequest.keys). unpublishedCount is of objects that pushes \
      sent and did not publish.

      Examples:
        coppice du
        coppice du --explain
        coppice du --if-deleted trial-1 trial-2
        coppice du --history main --json
        coppice du --history --forecast
        coppice du --remote offsite
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "Branches and snapshots. Default: all.")
  var names: [String] = []

  @Flag(name: .long, help: "Tell what deleting all the named ones together would free.")
  var ifDeleted = false

  @Flag(
    name: .long, help: "Tell what the store, or the named branches, have stored over time.")
  var history = false

  @Flag(name: .long, help: "With --history: tell only when space runs out if it goes on so.")
  var forecast = false

  @Flag(name: .long, help: "With --history: values separated by commas, with whole byte counts.")
  var csv = false

  @Flag(name: .long, help: "Say for every stored byte what holds it.")
  var explain = false

  @Option(
    name: .long,
    help: ArgumentHelp("A pool that is told of instead of the store.", valueName: "remote"))
  var remote: String?

  func validate() throws {
    guard !ifDeleted || !names.isEmpty else {
      throw ValidationError("--if-deleted needs names of branches")
    }
    guard history || !(forecast || csv) else {
      throw ValidationError("--forecast and --csv need --history")
    }
    guard !csv || !(forecast || options.json) else {
      throw ValidationError("--csv excludes --forecast and --json")
    }
    guard !ifDeleted || !history else {
      throw ValidationError("--if-deleted and --history exclude one another")
    }
    guard remote == nil || (names.isEmpty && !ifDeleted && !history && !explain) else {
      throw ValidationError("--remote goes with none of the other options")
    }
    guard !explain || names.isEmpty else {
      throw ValidationError("--explain is about the whole store, without names")
    }
  }

  func run() throws {
    if let remote {
      try options.print(try options.perform(RemoteUsageRequest(remote: remote)))
    } else if ifDeleted {
      try options.print(try options.perform(FreedRequest(names: names)))
    } else if history {
      let answer = try options.perform(GrowthRequest(names: names))
      try options.print(
        GrowthReply(answer: answer, form: csv ? .csv : forecast ? .forecast : .table))
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
      ("added", .right), ("limit", .left), ("class", .left), ("owner", .left),
      ("ends", .left), ("name", .left))
    for entry in answer.entries {
      let share = entry.addedByteCount.flatMap { added in
        entry.maxStoredByteCount.map { Output.share(of: added, in: $0) }
      }
      table.add(
        Output.bytes(entry.logicalByteCount), Output.bytes(entry.exclusiveByteCount),
        Output.bytes(entry.sharedByteCount), "\(entry.fileCount)",
        entry.addedByteCount.map(Output.bytes) ?? "",
        share ?? entry.maxStoredByteCount.map { "of \(Output.bytes($0))" } ?? "",
        entry.class ?? "", entry.owner ?? "", entry.endsAt.map(Output.time) ?? "", entry.name)
    }
    guard let total = answer.total else { return table.text }
    return table.text + "\n" + (isExplained ? total.explanation : total.summary)
  }
}

extension FreedRequest.Answer: Reply {
  var text: String {
    "Deleting \(Output.printable(addition.deleting.joined(separator: ", "))) would free "
      + "\(Output.bytes(report.freedByteCount))\n"
      + SpaceSharer.keeping(report.sharedByteCount, report.sharers)
  }
}

extension RemoteUsageRequest.Answer: Reply {
  var text: String {
    var table = TextTable(("holds", .right), ("added", .right), ("copy", .left))
    for entry in entries {
      table.add(
        Output.bytes(entry.logicalByteCount), Output.bytes(entry.newByteCount),
        "\(remote)/\(entry.name)")
    }
    var text = "\(table.text)\n\(Output.bytes(storedByteCount)) stored in "
    text += "\(Output.count(segmentCount, "segment"))\n"
    if unpublishedCount > 0 {
      text += "  and \(Output.bytes(unpublishedByteCount)) of pushes that have not ended, or that "
      text += "'coppice gc --remote \(Output.printable(remote))' removes\n"
    }
    return text + traffic.text
  }
}
