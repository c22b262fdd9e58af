internal import ArgumentParser
internal import CoppiceServer

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
    let target = try HeldFile.standardOutput()
    _ = try options.perform(
      FileContentRequest(entry: file.name, path: file.path, target: target.file),
      holding: target)
    try target.finish()
  }
}
