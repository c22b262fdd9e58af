internal import ArgumentParser
internal import CoppiceServer

struct BranchRenameCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rename", abstract: "Give a branch another name.",
    discussion: """
      Its snapshots are renamed with it. In a mount its directory gets the new name, also for \
      programs that work there: a branch with open files needs --force.

      JSON: \(BranchRenameRequest.keys).

      Example:
        coppice branch rename trial-7 release
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The branch.")
  var old: String

  @Argument(help: "Its new name.")
  var new: String

  @Flag(name: .long, help: "Rename it also while files of it are open.")
  var force = false

  func run() throws {
    try options.print(
      try options.perform(BranchRenameRequest(name: old, newName: new, force: force)))
  }
}

extension BranchRenameRequest.Answer: Reply {
  var text: String {
    "Renamed \(Output.printable(oldName)) to \(Output.printable(name))\n"
  }
}
