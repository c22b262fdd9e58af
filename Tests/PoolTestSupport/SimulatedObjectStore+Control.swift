public import CoppicePools
internal import Synchronization
internal import TestSupport

/// What happens to a simulated object store from outside.
extension SimulatedObjectStore {
  /// What comes by chance from here on.
  public var rates: SimulatedRates {
    get { state.withLock { $0.rates } }
    set { state.withLock { $0.rates = newValue } }
  }

  /// How conditions are kept from here on: an upgrade may change it.
  public var conditions: SimulatedConditions {
    get { state.withLock { $0.conditions } }
    set { state.withLock { $0.conditions = newValue } }
  }

  /// What the store's clock shows before or behind everybody else's.
  public var clockOffset: Duration {
    get { state.withLock { $0.clockOffset } }
    set { state.withLock { $0.clockOffset = newValue } }
  }

  public func inject(_ fault: ObjectFault) { state.withLock { $0.faults.append(fault) } }

  public func clearFaults() { state.withLock { $0.faults = [] } }

  /// Runs `body` once on the calling thread, just before such a request (`nil`: any of all kinds):
  /// to make something happen in the middle of a step. Lets `passing` of them go by first.
  public func intercept(
    _ kind: ObjectOperation.Kind?, keyPrefix: String = "", passing: Int = 0,
    _ body: @escaping @Sendable () -> Void
  ) {
    state.withLock {
      $0.interceptions.append(
        Interception(kind: kind, keyPrefix: keyPrefix, passing: passing, body: body))
    }
  }

  /// Requests so far.
  public var operations: [ObjectOperation] { state.withLock { $0.operations } }

  /// How many requests are on their way.
  public var heldCount: Int { state.withLock { $0.held.count } }

  /// All that is on its way arrives now, in the order in which it was sent.
  public func deliverHeld() {
    state.withLock { state in
      let held = state.held
      state.held = []
      for late in held { _ = state.carryOut(late.request) }
    }
  }

  /// Nothing that is on its way ever arrives.
  public func dropHeld() { state.withLock { $0.held = [] } }

  /// The keys of all objects that are there, in order.
  public var keys: [ObjectKey] { state.withLock { $0.keys("") } }

  /// An object as it is; `nil` when it is not there.
  public func bytes(of key: ObjectKey) -> [UInt8]? { state.withLock { $0.current(key)?.bytes } }

  /// Puts bytes in the place of an object, or takes it away, without a request.
  public func setBytes(of key: ObjectKey, to bytes: [UInt8]?) {
    state.withLock { state in
      state.append(bytes, Request(key: key, change: .remove, gateway: 0))
    }
  }

  /// A store with the same objects, on its own from here on: nothing is on its way there.
  public func copy(seed: UInt64 = 0) -> SimulatedObjectStore {
    let copy = SimulatedObjectStore(seed: seed, conditions: conditions)
    let objects = state.withLock { $0.objects.compactMapValues { $0.last.map { [$0] } } }
    copy.state.withLock { $0.objects = objects }
    return copy
  }

  /// Sets all objects back to what they are in another store: a backup of the bucket comes back.
  public func setObjects(to other: SimulatedObjectStore) {
    let objects = other.state.withLock { $0.objects }
    state.withLock { $0.objects = objects }
  }

  /// Runs what was asked to happen before this request.
  func intercept(_ operation: ObjectOperation) {
    let bodies = state.withLock { state in
      let matching = state.interceptions.indices.filter {
        state.interceptions[$0].kind ?? operation.kind == operation.kind
          && operation.key.hasPrefix(state.interceptions[$0].keyPrefix)
      }
      let due = matching.filter { state.interceptions[$0].passing == 0 }
      let bodies = due.map { state.interceptions[$0].body }
      for index in matching { state.interceptions[index].passing -= 1 }
      state.interceptions.removeAll { $0.passing < 0 }
      return bodies
    }
    for body in bodies { body() }
  }
}

extension SimulatedObjectStore.State {
  /// The keys of objects that are there, in order.
  func keys(_ prefix: String) -> [ObjectKey] {
    objects.filter { $0.key.text.hasPrefix(prefix) && $0.value.last?.bytes != nil }.keys.sorted()
  }
}
