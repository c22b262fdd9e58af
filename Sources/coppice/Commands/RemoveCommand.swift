internal import ArgumentParser
internal import CoppiceServer

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove a file or directory of a branch.",
    discussion: """
      The change is durable when the command ends. A directory's name goes at once, and what was \
      in it, if that is much, in pieces: when the command is ended before, the store's next owner \
      removes the rest. While a PostgreSQL server works on the branch this needs --force.

      JSON: \(FileRemoveRequest.keys).

      Example:
        coppice rm --recursive experiment:pg_replslot/old
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "BRANCH:PATH.")
  var file: Reference

  @Flag(name: .shortAndLong, help: "Remove a directory with all that is in it.")
  var recursive = false

  @Flag(name: .long, help: "Remove it also while a PostgreSQL server works on the branch.")
  var force = false

  @Flag(name: .long, help: "Check everything, but remove nothing.")
  var dryRun = false

  func run() throws {
    try options.print(
      try options.perform(
        FileRemoveRequest(
          entry: file.name, path: file.path, recursive: recursive, force: force, dryRun: dryRun)))
  }
}

extension FileRemoveRequest.Answer: Reply {
  var text: String {
    let verb = isDryRun ? "Would remove" : "Removed"
    return "\(verb) \(Output.printable("\(branch):\(path)"))\n"
  }
}
