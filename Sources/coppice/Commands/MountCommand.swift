internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer

struct MountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mount", abstract: "Show every branch as a directory of the file system.",
    discussion: """
      DIR gets a directory for each branch, and a read-only one for each snapshot; what other \
      commands change is there at once. Adds the mount to the store's server, or starts a server \
      in the background, which ends with its mount ('umount DIR', or 'coppice stop') and keeps its \
      log and process number in the store's directory, as server.log and server.pid. A store has \
      one mount at a time; 'mount --bind' shows it in other places.

      A crash, or a fork meanwhile, may find half of a page written: PostgreSQL runs with \
      full_page_writes=on. With --writeback-cache the kernel gathers writes: bulk loads are \
      faster, and go to the store in an order of the kernel's.

      From Linux 6.14 on requests come by rings of shared memory, which takes half the time, where \
      the kernel offers them: root has it do so, and for others it does while \
      /sys/module/fuse/parameters/enable_uring says Y. 'coppice status' says which way they come.

      fsync makes durable what was written. The kernel does not pass syncfs and sync on, so they \
      do not; what nobody syncs is durable a second after it was written.

      JSON: \(MountRequest.keys).

      Example:
        coppice mount /mnt/coppice
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "An empty directory.")
  var directory: String

  @Flag(name: .long, help: "Let the kernel gather writes and send them later.")
  var writebackCache = false

  @Flag(name: .long, help: "Read requests from the device, for comparison.")
  var noRings = false

  @Flag(name: .long, help: "Start no server in the background: be it, until DIR is unmounted.")
  var foreground = false

  @OptionGroup var instances: InstanceArguments

  func run() throws {
    let request = MountRequest(
      directory: HostPath.absolute(directory), writebackCache: writebackCache, rings: !noRings)
    let store = HostPath.absolute(try options.directory())
    let options = options
    if foreground {
      return try ServeCommand.serve(options, [request], instances, endsWithLastMount: true) {
        status in
        // Whoever does not read this can still ask for it.
        if let answer = Self.answer(status) { try? options.print(answer) }
      }
    }
    try options.print(try answer(request, store))
  }

  private func answer(
    _ request: MountRequest, _ store: String
  ) throws(StoreError) -> MountRequest.Answer {
    options.warn(of: store)
    if let server = try ServerConnection.find(in: store) { return try mount(request, by: server) }
    var arguments = [
      "serve", "--detached", "--store", store, "--mount", request.directory,
      "--lock-wait", options.lockWait.description,
    ]
    if writebackCache { arguments.append("--writeback-cache") }
    if noRings { arguments.append("--no-rings") }
    arguments += instances.words
    do throws(StoreError) {
      let status = try DetachedServer.start(store, arguments)
      guard let answer = Self.answer(status) else {
        preconditionFailure("a server that serves without its mount")
      }
      return answer
    } catch {
      // Another command may have started a server at the same time.
      guard error.kind == .inUse, let server = try ServerConnection.find(in: store) else {
        throw error
      }
      return try mount(request, by: server)
    }
  }

  /// By a server that runs, with what it was told about PostgreSQL.
  private func mount(
    _ request: MountRequest, by server: ServerConnection
  ) throws(StoreError) -> MountRequest.Answer {
    var answer = try server.perform(request)
    if instances.areGiven {
      answer.notes.append(
        "the store's server ran already, and takes no --pg or --tls options over: stop it first "
          + "for these")
    }
    return answer
  }

  private static func answer(_ status: StatusRequest.Answer) -> MountRequest.Answer? {
    status.mounts.last.map { MountRequest.Answer(mount: $0, process: status.process ?? 0) }
  }
}

extension MountRequest.Answer: Reply {
  var text: String {
    let lines = notes.map { "  note: \(Output.printable($0))\n" }.joined()
    return "Mounted on \(Output.printable(mount.directory)), process \(process)\n" + lines
  }
}
