package import Coppice
package import CoppiceLifecycle
internal import CoppicePlatform

/// A request that one process can make of another: a value, its answer, and its place in the API.
///
/// The same value is carried out by the command itself when no server runs, and sent to the server
/// when one does. Keys of requests and answers are what scripts and other clients see.
package protocol WireRequest: Codable, Sendable {
  associatedtype Answer: Codable, Sendable
  /// Where the API has it.
  static var route: Route { get }
  /// Whether it waits for nothing, or a moment: then it is answered however much other work there
  /// is.
  static var isBrief: Bool { get }
  /// Whether it is called off when whoever asked is gone. Its answer ends the connection then; all
  /// others leave it open.
  static var isCancellable: Bool { get }
  /// The rights that it needs. There is no default: a request that does not say what it does is
  /// none.
  var access: Access { get }
}

extension WireRequest {
  package static var isBrief: Bool { false }
  package static var isCancellable: Bool { false }
}

/// A request that needs an open store and nothing else.
///
/// A new one takes three steps: a type here with its `Answer` and the rights that it needs, its
/// line in `RequestCatalogue`, and a command that makes it from its arguments and gives it to
/// `StoreOptions.perform`.
package protocol StoreRequest: WireRequest {
  /// Whether it can be carried out on a store opened for reading only, beside other readers.
  var isReadOnly: Bool { get }

  /// Carries the request out. Called from a thread that may block.
  func run(_ context: RequestContext) throws(StoreError) -> Answer

  /// Carries the request out on a store that no server has open. The default opens the store, runs
  /// the request and closes the store.
  func runAlone(_ alone: StandaloneContext) throws(StoreError) -> Attempt<Answer>
}

/// What a request is carried out with.
package struct RequestContext: Sendable {
  package let store: Store
  package let work: Work
  /// Descriptors of whoever asked.
  package let files: any ClientFiles
  /// The mounts of the store; none without a server.
  package let doors: Doors
  /// Who asks.
  package let principal: Principal
  /// What ends branches.
  package let reaper: Reaper
  /// What proves that they are gone.
  package let endProofs: EndProofs
  /// The servers on branches; `nil` without a server of the store.
  package let instances: InstanceHost?
  /// What brings baselines up to date; likewise.
  package let refresher: BaselineRefresher?

  package init(
    store: Store, work: Work, files: any ClientFiles, doors: Doors, principal: Principal,
    reaper: Reaper? = nil, endProofs: EndProofs? = nil, instances: InstanceHost? = nil,
    refresher: BaselineRefresher? = nil
  ) {
    self.store = store
    self.work = work
    self.files = files
    self.doors = doors
    self.principal = principal
    self.reaper = reaper ?? Reaper(store, doors)
    self.endProofs = endProofs ?? EndProofs(store)
    self.instances = instances
    self.refresher = refresher
  }
}

extension RequestContext {
  /// Carries out what changes branches as a whole while no server of ours works on them. Those of
  /// branches that are there afterwards are started again.
  func suspendingInstances<Result>(
    of names: [String], _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    guard let instances else { return try body() }
    return try instances.suspending(names, body)
  }

  /// Whether a server of ours works on a branch now.
  func hasInstance(on name: String) -> Bool {
    instances?.running.contains(Array(name.utf8)) ?? false
  }
}

/// What a request is carried out with when there is no server.
package struct StandaloneContext: Sendable {
  package let directory: String
  package let work: Work
  package let files: OwnFiles

  package init(directory: String, work: Work, files: OwnFiles) {
    self.directory = directory
    self.work = work
    self.files = files
  }
}

/// What came of trying to carry a request out without a server.
package enum Attempt<Answer> {
  case done(Answer)
  /// Another process has the store open.
  case locked(StoreError)

  /// What comes of work that opens the store itself.
  init(_ work: () throws(StoreError) -> Answer) throws(StoreError) {
    do throws(StoreError) { self = .done(try work()) } catch {
      guard error.kind == .inUse else { throw error }
      self = .locked(error)
    }
  }
}

extension StoreRequest {
  package func runAlone(_ alone: StandaloneContext) throws(StoreError) -> Attempt<Answer> {
    var options = Store.Options()
    options.isReadOnly = isReadOnly
    let store: Store
    do throws(StoreError) {
      store = try Store.open(at: alone.directory, options: options)
    } catch {
      guard error.kind == .inUse else { throw error }
      return .locked(error)
    }
    let context = RequestContext(
      store: store, work: alone.work, files: alone.files, doors: Doors(),
      principal: .administrator(named: HostUser.name(of: HostProcess.user)))
    let answer: Answer
    do throws(StoreError) {
      answer = try run(context)
    } catch {
      // The first failure is the one to report; closing only writes what is durable already.
      try? store.close()
      throw error
    }
    try store.close()
    return .done(answer)
  }
}
