internal import ArgumentParser
internal import Coppice

struct BranchShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Tell what is known of a branch or snapshot.",
    discussion: """
      JSON: name, isSnapshot, created, parent, snapshots, fileCount, logicalByteCount, \
      sharedByteCount, exclusiveByteCount.

      Example:
        coppice branch show experiment
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A branch or snapshot.")
  var name: String

  func run() throws {
    let answer = try options.withStore(isReadOnly: true) { store in
      let entry = try store.entry(name)
      let snapshots = try store.entries(includingDeleted: false)
        .filter { $0.isSnapshot && $0.name.hasPrefix("\(name)@") }
      let usage = try store.usage([name]).first
      return Answer(
        name: name, isSnapshot: entry.isSnapshot, created: Output.time(entry.created),
        parent: entry.parent, snapshots: snapshots.map(\.name),
        fileCount: usage?.fileCount ?? 0, logicalByteCount: usage?.logicalByteCount ?? 0,
        sharedByteCount: usage?.sharedByteCount ?? 0,
        exclusiveByteCount: usage?.exclusiveByteCount ?? 0)
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var name: String
    var isSnapshot: Bool
    var created: String
    var parent: String?
    var snapshots: [String]
    var fileCount: Int
    var logicalByteCount: UInt64
    var sharedByteCount: UInt64
    var exclusiveByteCount: UInt64

    var text: String {
      var text = "\(Output.printable(name))\n  made \(created)"
      if let parent { text += " from \(Output.printable(parent))" }
      text += "\n  \(Output.count(fileCount, "file")), \(Output.bytes(logicalByteCount))\n"
      text += "  stored: \(Output.bytes(exclusiveByteCount)) of its own, "
      text += "\(Output.bytes(sharedByteCount)) shared with others\n"
      for snapshot in snapshots { text += "  snapshot \(Output.printable(snapshot))\n" }
      return text
    }
  }
}
