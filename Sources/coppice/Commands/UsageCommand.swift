internal import ArgumentParser
internal import CoppiceServer

struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "du", abstract: "Tell what branches and snapshots hold and cost.",
    discussion: """
      logical: bytes of the files. exclusive: stored bytes that nothing else refers to. shared: \
      stored bytes that others refer to as well. JSON: entries, each with name, logicalByteCount, \
      sharedByteCount, exclusiveByteCount, fileCount; total (null with names): time, \
      storedByteCount, which is the sum of exclusiveByteCount, sharedByteCount, garbageByteCount \
      and metadataByteCount, and baseByteCount, and parts, each with holder, name or segment, \
      byteCount. With --if-deleted: deleting, freedByteCount. With --history: entries, each with \
      name, samples, each with time and, since the branch was made, storedByteCount, newPageCount, \
      deltaPageCount, duplicatePageCount.

      Examples:
        coppice du
        coppice du --if-deleted trial-1 trial-2
        coppice du --history main --json
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "Branches and snapshots. Default: all.")
  var names: [String] = []

  @Flag(name: .long, help: "Tell what deleting all the named ones together would free.")
  var ifDeleted = false

  @Flag(name: .long, help: "Tell what the named branches have stored over time.")
  var history = false

  func validate() throws {
    guard !(ifDeleted || history) || !names.isEmpty else {
      throw ValidationError("--if-deleted and --history need names of branches")
    }
    guard !ifDeleted || !history else {
      throw ValidationError("--if-deleted and --history exclude one another")
    }
  }

  func run() throws {
    if ifDeleted {
      try options.print(try options.perform(FreedRequest(names: names)))
    } else if history {
      try options.print(try options.perform(GrowthRequest(names: names)))
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
    return table.text + (total.map { "\n" + $0.text } ?? "")
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
          "\(sample.deltaPageCount)", "\(sample.duplicatePageCount)", Output.time(sample.time),
          entry.name)
      }
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
