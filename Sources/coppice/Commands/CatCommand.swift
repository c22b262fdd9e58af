internal import ArgumentParser
internal import CoppiceServer

struct CatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat", abstract: "Write the content of files to standard output.",
    discussion: """
      All files of one branch are read as they are at one moment. Nothing is written if one of \
      them is missing. Errors are JSON with --json; the content is written as it is.

      Examples:
        coppice cat main:PG_VERSION
        coppice cat main:orders main:payments
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "REF:PATH, once or more.")
  var files: [Reference]

  func run() throws {
    let target = try HeldFile.standardOutput()
    _ = try options.perform(
      FileContentRequest(
        files: files.map { FilePlace($0.name, $0.path) }, target: target.file),
      holding: target)
    try target.finish()
  }
}
