internal import ArgumentParser
internal import CoppiceServer

struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "End the store's server, and unmount its mounts.",
    discussion: """
      Ends when the server has ended. While programs have files of a mount open, or a PostgreSQL \
      server works there, it needs --force: they get errors from then on.

      JSON: \(StopRequest.keys).

      Example:
        coppice stop
      """)

  @OptionGroup var options: StoreArguments

  @Flag(name: .long, help: "End it also while files of its mounts are open.")
  var force = false

  func run() throws {
    try options.print(try StoreAccess(try options.directory()).stopServer(force: force))
  }
}

extension StopRequest.Answer: Reply {
  var text: String { "Stopped process \(process)\n" }
}
