internal import ArgumentParser
internal import CoppiceServer

struct BranchShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Tell what is known of a branch or snapshot.",
    discussion: """
      JSON: name, isSnapshot, created, parent, domain, class, snapshots, fileCount, \
      logicalByteCount, sharedByteCount, exclusiveByteCount.

      Example:
        coppice branch show experiment
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A branch or snapshot.")
  var name: String

  func run() throws {
    try options.print(try options.perform(BranchShowRequest(name: name)))
  }
}

extension BranchShowRequest.Answer: Reply {
  var text: String {
    var text = "\(Output.printable(name))\n  made \(Output.time(created))"
    if let parent { text += " from \(Output.printable(parent))" }
    text += "\n  trust domain \(Output.printable(domain)), class \(`class`)"
    text += "\n  \(Output.count(fileCount, "file")), \(Output.bytes(logicalByteCount))\n"
    text += "  stored: \(Output.bytes(exclusiveByteCount)) of its own, "
    text += "\(Output.bytes(sharedByteCount)) shared with others\n"
    for snapshot in snapshots { text += "  snapshot \(Output.printable(snapshot))\n" }
    return text
  }
}
