internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer
internal import Logging

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve the store until it is stopped.",
    discussion: """
      While a server runs, it has the store: other commands ask it and answer as they do without \
      one. It ends on 'coppice stop', SIGTERM and SIGINT, and then unmounts. Its log goes to \
      standard error.

      It runs the PostgreSQL of branches ('coppice pg') on its mount.

      JSON, once it serves: \(StatusRequest.keys).

      Examples:
        coppice serve
        coppice serve --mount /mnt/coppice
      """)

  @OptionGroup var options: StoreArguments

  @Option(name: .long, help: "Mount the store on this directory.")
  var mount: String?

  @Flag(name: .long, help: "Let the kernel gather writes to the mount and send them later.")
  var writebackCache = false

  @Flag(name: .long, help: "Read requests of the mount from the device, for comparison.")
  var noRings = false

  @OptionGroup var instances: InstanceArguments

  /// Set by the command that starts a server in the background.
  @Flag(name: .long, help: .hidden)
  var detached = false

  func run() throws {
    let mounts = mount.map { directory in
      [
        MountRequest(
          directory: HostPath.absolute(directory), writebackCache: writebackCache, rings: !noRings)
      ]
    }
    guard detached else {
      let options = options
      return try Self.serve(options, mounts ?? [], instances, endsWithLastMount: false) { status in
        // Whoever does not read this can still ask for it.
        try? options.print(ServeAnswer(status))
      }
    }
    do throws(StoreError) {
      try Self.serve(options, mounts ?? [], instances, endsWithLastMount: true) { status in
        DetachedServer.report(
          AnswerLine(answer: status), to: DetachedServer.reportDescriptor)
      }
    } catch {
      // Once it has served, nobody reads this, and the log has it.
      DetachedServer.report(
        AnswerLine(error: ErrorAnswer(error).error), to: DetachedServer.reportDescriptor)
      throw error
    }
  }

  /// Serves until the end.
  static func serve(
    _ options: StoreArguments, _ mounts: [MountRequest], _ instances: InstanceArguments,
    endsWithLastMount: Bool,
    whenReady: @escaping @Sendable (StatusRequest.Answer) -> Void
  ) throws(StoreError) {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var serverOptions = Server.Options(
      mounting: Mounting.open, instances: try instances.options())
    serverOptions.mounts = mounts
    serverOptions.endsWithLastMount = endsWithLastMount
    serverOptions.lockWait = options.lockWait.duration
    let directory = HostPath.absolute(try options.directory())
    options.warn(of: directory)
    try Server(directory, options: serverOptions, logger: Logger(label: "coppice"))
      .run(whenReady: whenReady)
  }
}

/// A server that has begun.
struct ServeAnswer: Reply {
  private let status: StatusRequest.Answer

  init(_ status: StatusRequest.Answer) { self.status = status }

  func encode(to encoder: any Encoder) throws { try status.encode(to: encoder) }

  var text: String {
    var text = "Serving \(Output.printable(status.store)), process \(status.process ?? 0)\n"
    for mount in status.mounts { text += "Mounted on \(Output.printable(mount.directory))\n" }
    return text
  }
}
