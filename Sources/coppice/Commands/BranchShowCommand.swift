internal import ArgumentParser
internal import Coppice

struct BranchShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Tell what is known of a branch or snapshot.",
    discussion: """
      JSON: name, isSnapshot, created, parent, snapshots.

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
      return Answer(
        name: name, isSnapshot: entry.isSnapshot, created: Output.time(entry.created),
        parent: entry.parent, snapshots: snapshots.map(\.name))
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var name: String
    var isSnapshot: Bool
    var created: String
    var parent: String?
    var snapshots: [String]

    var text: String {
      var text = "\(Output.printable(name))\n  made \(created)"
      if let parent { text += " from \(Output.printable(parent))" }
      text += "\n"
      for snapshot in snapshots { text += "  snapshot \(Output.printable(snapshot))\n" }
      return text
    }
  }
}
