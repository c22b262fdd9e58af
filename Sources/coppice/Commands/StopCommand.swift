internal import ArgumentParser
internal import CoppiceLifecycle
internal import CoppiceServer

struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "End the store's server, and unmount its mounts.",
    discussion: """
      Ends when the server has ended. While programs have files of a mount open, or a PostgreSQL \
      server works there, it needs --force: they get errors from then on. The PostgreSQL of \
      branches ('coppice pg') is stopped, and started again with the next server; while clients \
      are connected to one that needs --force too, or --drain, which waits until none is.

      JSON: \(StopRequest.keys).

      Examples:
        coppice stop
        coppice stop --drain 5m
      """)

  @OptionGroup var options: StoreArguments

  @Flag(name: .long, help: "End it also while files of its mounts are open.")
  var force = false

  @Option(name: .long, help: "How long to wait until no client of an instance is connected.")
  var drain: TimeSpan?

  func run() throws {
    try options.print(
      try StoreAccess(try options.directory()).stopServer(force: force, drain: drain?.seconds))
  }
}

extension StopRequest.Answer: Reply {
  var text: String { "Stopped process \(process)\n" }
}
