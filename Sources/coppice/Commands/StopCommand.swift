internal import ArgumentParser
internal import CoppiceServer

struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "End the store's server, and unmount its mounts.",
    discussion: """
      Ends when the server has ended. Programs that have files of a mount open get errors from then \
      on. JSON: process.

      Example:
        coppice stop
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.print(try StoreAccess(try options.directory()).stopServer())
  }
}

extension StopRequest.Answer: Reply {
  var text: String { "Stopped process \(process)\n" }
}
