internal import ArgumentParser
internal import Coppice

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
    try options.withStore(isReadOnly: true) { store in
      if ifDeleted {
        try options.print(
          FreedAnswer(
            deleting: names, freedByteCount: try store.freedByteCount(deleting: names)))
      } else {
        let usage = try store.usage(names.isEmpty ? nil : names)
        try options.print(Answer(entries: usage.map(Entry.init)))
      }
    }
  }

  struct Entry: Encodable {
    var name: String
    var logicalByteCount: UInt64
    var sharedByteCount: UInt64
    var exclusiveByteCount: UInt64
    var fileCount: Int

    init(_ usage: Usage) {
      name = usage.name
      logicalByteCount = usage.logicalByteCount
      sharedByteCount = usage.sharedByteCount
      exclusiveByteCount = usage.exclusiveByteCount
      fileCount = usage.fileCount
    }
  }

  struct Answer: Reply {
    var entries: [Entry]

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

  struct FreedAnswer: Reply {
    var deleting: [String]
    var freedByteCount: UInt64

    var text: String {
      "Deleting \(Output.printable(deleting.joined(separator: ", "))) would free "
        + "\(Output.bytes(freedByteCount))\n"
    }
  }
}
