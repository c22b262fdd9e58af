internal import ArgumentParser
internal import Coppice

struct BranchCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a branch of another branch, of a snapshot, or empty.",
    discussion: """
      JSON: name, from (null for an empty branch), isNew.

      Example:
        coppice branch create experiment --from main@monday
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The new branch's name.")
  var name: String

  @Option(name: .long, help: "The branch or snapshot to start from. Default: empty.")
  var from: String?

  @Flag(name: .long, help: "Do nothing when the branch exists.")
  var orExisting = false

  func run() throws {
    let answer = try options.withStore(isReadOnly: false) { store in
      if orExisting, try store.entries().contains(where: { $0.name == name }) {
        return Answer(name: name, from: from, isNew: false)
      }
      _ = try store.createBranch(name, from: from)
      return Answer(name: name, from: from, isNew: true)
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var name: String
    var from: String?
    var isNew: Bool

    private enum CodingKeys: String, CodingKey { case name, from, isNew }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(name, forKey: .name)
      try container.encode(from, forKey: .from)
      try container.encode(isNew, forKey: .isNew)
    }

    var text: String {
      guard isNew else { return "\(Output.printable(name)) exists\n" }
      let origin = from.map { "from \(Output.printable($0))" } ?? "empty"
      return "Made \(Output.printable(name)), \(origin)\n"
    }
  }
}
