internal import ArgumentParser
internal import Coppice
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
    let store = try Store.open(at: try directory(), options: options)
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

  func print(_ reply: some Reply) throws(StoreError) {
    try Output.print(reply, isJSON: json)
  }
}
