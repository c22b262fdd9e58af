internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer

/// What every command takes: which store, and how to answer.
struct StoreArguments: ParsableArguments {
  @Option(name: .long, help: "The store's directory. Default: the variable COPPICE_STORE.")
  var store: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Without a server: how long to wait for a store that another process has open.",
      valueName: "duration"))
  var lockWait = TimeSpan(seconds: UInt64(StoreAccess.standardLockWait.components.seconds))

  @Flag(name: .long, help: "Answer in JSON; errors too, on standard error.")
  var json = false

  /// The directory the user means.
  func directory() throws(StoreError) -> String {
    if let store {
      guard store.isEmpty else { return store }
      throw StoreError(
        .invalid, "--store names no directory",
        remedy: "give it one, or leave --store away to use COPPICE_STORE")
    }
    let variable = HostProcess.variable("COPPICE_STORE") ?? ""
    guard !variable.isEmpty else {
      throw StoreError(
        .invalid, "no store is named",
        remedy: "give --store DIR or set the environment variable COPPICE_STORE")
    }
    return variable
  }

  /// Has a request carried out: by the store's server when one runs, else by this process. With a
  /// label the terminal shows how far the work is, and that it waits for the first byte of
  /// `source`.
  func perform<Request: StoreRequest>(
    _ request: Request, holding files: HeldFile?..., showing label: String? = nil,
    waitingFor source: String? = nil
  ) throws(StoreError) -> Request.Answer {
    let line = label.flatMap { ProgressLine($0, isJSON: json, waitingFor: source) }
    defer { line?.finish() }
    let tell = line.map { line in { @Sendable (progress: WorkProgress) in line.update(progress) } }
    let work = Work(tell: tell) { EndSignals.areNoted }
    let directory = try directory()
    warn(of: directory)
    do throws(StoreError) {
      return try StoreAccess(directory, lockWait: lockWait.duration).perform(
        request, work, holding: files.compactMap(\.self))
    } catch {
      EndSignals.endIfNoted()
      throw error
    }
  }

  /// Has the store's server carry a request out that only a server can.
  func ask<Request: ServerRequest>(_ request: Request) throws(StoreError) -> Request.Answer {
    let directory = try directory()
    warn(of: directory)
    if let server = try ServerConnection.find(in: directory) { return try server.perform(request) }
    // Says so when there is no store either.
    _ = try StoreAccess(directory).status()
    throw StoreError(
      .unavailable, "the store has no server", object: directory,
      remedy: "start one with its mount: `coppice mount DIR`")
  }

  /// Says on standard error what users of the store should know.
  func warn(of directory: String) {
    for warning in Store.warnings(of: directory) {
      let text =
        json ? Output.encode(["warning": warning]) : "coppice: \(Output.printable(warning))"
      Output.write(text + "\n", to: .standardError)
    }
  }

  func print(_ reply: some Reply) throws(StoreError) {
    try Output.print(reply, isJSON: json)
  }
}
