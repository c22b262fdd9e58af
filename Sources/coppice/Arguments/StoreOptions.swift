internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import FoundationEssentials

/// What every command takes: which store, and how to answer.
struct StoreOptions: ParsableArguments {
  @Option(name: .long, help: "The store's directory. Default: the variable COPPICE_STORE.")
  var store: String?

  @Flag(name: .long, help: "Answer in JSON; errors too, on standard error.")
  var json = false

  /// The directory the user means.
  func directory() throws(StoreError) -> String {
    if let store, !store.isEmpty { return store }
    let variable = ProcessInfo.processInfo.environment["COPPICE_STORE"] ?? ""
    guard !variable.isEmpty else {
      throw StoreError(
        .invalid, "no store is named",
        remedy: "give --store DIR or set the environment variable COPPICE_STORE")
    }
    return variable
  }

  /// Opens the store for one command and closes it after, also when the command fails.
  func withStore<R>(
    isReadOnly: Bool, _ body: (Store) throws -> R
  ) throws -> R {
    var options = Store.Options()
    options.isReadOnly = isReadOnly
    let store = try Self.open(try directory(), options)
    let result: R
    do {
      result = try body(store)
    } catch {
      // The first failure is the one to report; closing only writes what is durable already.
      try? store.close()
      throw error
    }
    try store.close()
    return result
  }

  /// Waits some seconds for a store that another process has open: commands are short.
  private static func open(
    _ directory: String, _ options: Store.Options
  ) throws(StoreError) -> Store {
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + 5_000_000_000
    let pause = Monitor()
    while true {
      do throws(StoreError) {
        return try Store.open(at: directory, options: options)
      } catch {
        let now = clock.monotonicNanoseconds()
        guard error.kind == .inUse else { throw error }
        guard now < deadline else { throw inUse(directory, error) }
        pause.withLock { _ = pause.wait(untilMonotonicNanoseconds: now + 50_000_000) }
      }
    }
  }

  private static func inUse(_ directory: String, _ error: StoreError) -> StoreError {
    let owners = HostProcess.identifiers(havingOpen: "\(directory)/lock")
    let names = owners.map(String.init).joined(separator: ", ")
    let who = owners.isEmpty ? "another process" : "process \(names)"
    return StoreError(
      .inUse, "the store is in use by \(who)", object: directory,
      remedy: "wait until it has ended, or end it", cause: error.cause)
  }

  func print(_ reply: some Reply) throws(StoreError) {
    try Output.print(reply, isJSON: json)
  }
}
