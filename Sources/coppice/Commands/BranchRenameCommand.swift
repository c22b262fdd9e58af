internal import ArgumentParser
internal import Coppice

struct BranchRenameCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rename", abstract: "Give a branch another name.",
    discussion: """
      Its snapshots are renamed with it. JSON: name, oldName.

      Example:
        coppice branch rename trial-7 release
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The branch.")
  var old: String

  @Argument(help: "Its new name.")
  var new: String

  func run() throws {
    try options.withStore(isReadOnly: false) { store in
      try store.rename(old, to: new)
    }
    try options.print(Answer(name: new, oldName: old))
  }

  struct Answer: Reply {
    var name: String
    var oldName: String

    var text: String {
      "Renamed \(Output.printable(oldName)) to \(Output.printable(name))\n"
    }
  }
}
