internal import ArgumentParser
internal import Coppice

struct CatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat", abstract: "Write a file's content to standard output.",
    discussion: """
      Errors are JSON with --json; the content is written as it is.

      Example:
        coppice cat main:PG_VERSION
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "REF:PATH.")
  var file: Reference

  func run() throws {
    let path = try file.requiredPath()
    try options.withStore(isReadOnly: true) { store in
      let tree = try store.tree(file.name)
      _ = try tree.exportFiles(
        at: tree.path(of: tree.lookup(path, followingLinks: true)) ?? path,
        to: .stream(fileDescriptor: 1))
    }
  }
}
