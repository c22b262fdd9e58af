internal import ArgumentParser
internal import Coppice

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove a file or directory of a branch.",
    discussion: """
      The change is durable when the command ends. JSON: branch, path, isDryRun.

      Example:
        coppice rm --recursive experiment:pg_replslot/old
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "BRANCH:PATH.")
  var file: Reference

  @Flag(name: .shortAndLong, help: "Remove a directory with all that is in it.")
  var recursive = false

  @Flag(name: .long, help: "Check everything, but remove nothing.")
  var dryRun = false

  func run() throws {
    let path = try file.requiredPath()
    try options.withStore(isReadOnly: dryRun) { store in
      let branch = try store.branch(file.name)
      let kind = try branch.attributes(of: branch.lookup(path)).kind
      guard kind != .directory || recursive else {
        throw StoreError(
          .invalid, "is a directory", object: "\(file.name):\(path)",
          remedy: "add --recursive to remove it with all that is in it", reason: .isDirectory)
      }
      guard !dryRun, let name = path.lastComponent, let parent = path.parent else { return }
      let directory = try branch.lookup(parent, followingLinks: true)
      if kind == .directory {
        try branch.removeTree(name, in: directory)
      } else {
        try branch.remove(name, in: directory)
      }
      try branch.flush()
    }
    try options.print(
      Answer(branch: file.name, path: path.description, isDryRun: dryRun))
  }

  struct Answer: Reply {
    var branch: String
    var path: String
    var isDryRun: Bool

    var text: String {
      let verb = isDryRun ? "Would remove" : "Removed"
      return "\(verb) \(Output.printable("\(branch):\(path)"))\n"
    }
  }
}
