public import CoppicePools
internal import Synchronization
internal import TestSupport

/// A process's connection to a simulated object store. May be used from any thread.
public final class SimulatedConnection: ObjectStore {
  /// How often a request is sent before its outcome stays unknown.
  private static let sendingCountMax = 8
  /// Objects in one part of a list.
  private static let listCount = 5

  private struct Link {
    var isUp = true
    /// Requests that may still begin.
    var requestCountLeft = Int.max
    var traffic = ObjectTraffic()
  }

  private let store: SimulatedObjectStore
  private let name: String
  private let gateway: Int
  private let link = Mutex(Link())

  init(_ store: SimulatedObjectStore, name: String, gateway: Int) {
    self.store = store
    self.name = name
    self.gateway = gateway
  }

  /// Whether the network leads to the store.
  public var isUp: Bool {
    get { link.withLock { $0.isUp } }
    set { link.withLock { $0.isUp = newValue } }
  }

  /// The process ends before its request with that number, counted from here on: that one and all
  /// later ones are never sent.
  public func end(beforeRequest number: Int) { link.withLock { $0.requestCountLeft = number } }

  /// Whether a request was not sent because the process has ended.
  public var hasEnded: Bool { link.withLock { $0.requestCountLeft < 0 } }

  public var clockOffset: Duration? { store.clockOffset }
  public var traffic: ObjectTraffic { link.withLock { $0.traffic } }

  public func get(
    _ key: ObjectKey, _ range: Range<Int>?
  ) throws(ObjectStoreError) -> FetchedObject {
    let version = try read(.get, key)
    guard let bytes = version.bytes, let tag = version.tag else { throw Self.missing(key) }
    guard let range else { return FetchedObject(bytes: bytes, tag: tag, byteCount: bytes.count) }
    guard range.upperBound <= bytes.count else {
      throw ObjectStoreError(.beyondEnd, "the object ends before what was asked for", key: key)
    }
    return FetchedObject(bytes: Array(bytes[range]), tag: tag, byteCount: bytes.count)
  }

  public func head(_ key: ObjectKey) throws(ObjectStoreError) -> ObjectStatus {
    let version = try read(.head, key)
    guard let bytes = version.bytes, let tag = version.tag else { throw Self.missing(key) }
    return ObjectStatus(tag: tag, byteCount: bytes.count)
  }

  public func create(
    _ key: ObjectKey, _ bytes: [UInt8]
  ) throws(ObjectStoreError) -> WriteOutcome {
    try write(.create, key, .create(bytes))
  }

  public func replace(
    _ key: ObjectKey, tagged tag: ObjectTag, by bytes: [UInt8]
  ) throws(ObjectStoreError) -> WriteOutcome {
    try write(.replace, key, .replace(tag, bytes))
  }

  public func put(
    _ key: ObjectKey, _ bytes: [UInt8], _ rule: PutRule
  ) throws(ObjectStoreError) -> WriteOutcome {
    var outcome = WriteOutcome.refused
    for sending in 0..<Self.sendingCountMax {
      if sending > 0 { link.withLock { $0.traffic.repeatCount += 1 } }
      do throws(ObjectStoreError) {
        outcome = try write(.put, key, .put(bytes, rule))
      } catch {
        // What was sent before may land.
        if outcome.isUnknown { return .unknown(cause: "\(error)") }
        throw error
      }
      if outcome == .refused, store.bytes(of: key) == bytes {
        return SimulatedObjectStore.tag(bytes).map(WriteOutcome.done) ?? .refused
      }
      if !outcome.isUnknown { return outcome }
    }
    return outcome
  }

  public func remove(_ key: ObjectKey) throws(ObjectStoreError) {
    for _ in 0..<Self.sendingCountMax {
      if try !write(.remove, key, .remove).isUnknown { return }
    }
    throw ObjectStoreError(.unreachable, "the store does not answer", key: key)
  }

  public func list(
    _ prefix: String, from place: ListPlace?
  ) throws(ObjectStoreError) -> ObjectPage {
    let effect = try begin(.list, prefix)
    return try store.state.withLock { state throws(ObjectStoreError) in
      var objects: [ListedObject] = []
      try Self.check(effect, nil)
      var keys = state.objects.keys.filter { $0.text.hasPrefix(prefix) }.sorted()
      if let last = place?.lastKey { keys.removeAll { $0 <= last } }
      for key in keys where objects.count < Self.listCount {
        let isStale = effect == .stale && state.generator.bool()
        guard let bytes = state.version(key, isStale: isStale)?.bytes else { continue }
        objects.append(ListedObject(key: key, byteCount: bytes.count))
      }
      guard objects.count == Self.listCount, let last = objects.last else {
        return ObjectPage(objects: objects, next: nil)
      }
      return ObjectPage(objects: objects, next: ListPlace(token: last.key.text, lastKey: last.key))
    }
  }

  /// Counts a request; returns what becomes of it.
  private func begin(
    _ kind: ObjectOperation.Kind, _ key: String
  ) throws(ObjectStoreError) -> SimulatedEffect? {
    let isSent = link.withLock { link in
      guard link.isUp else { return false }
      guard link.requestCountLeft > 0 else {
        link.requestCountLeft = -1
        return false
      }
      link.requestCountLeft -= 1
      link.traffic.requestCount += 1
      return true
    }
    guard isSent else { throw ObjectStoreError(.unreachable, "there is no connection") }
    let operation = ObjectOperation(kind: kind, key: key, sender: name)
    store.intercept(operation)
    return store.state.withLock { $0.begin(operation) }
  }

  private func read(
    _ kind: ObjectOperation.Kind, _ key: ObjectKey
  ) throws(ObjectStoreError) -> SimulatedObjectStore.Version {
    let effect = try begin(kind, key.text)
    try Self.check(effect, key)
    let version = store.state.withLock { $0.version(key, isStale: effect == .stale) }
    guard let version, let bytes = version.bytes else { throw Self.missing(key) }
    if kind == .get { link.withLock { $0.traffic.receivedByteCount += bytes.count } }
    return version
  }

  private func write(
    _ kind: ObjectOperation.Kind, _ key: ObjectKey, _ change: SimulatedObjectStore.Change
  ) throws(ObjectStoreError) -> WriteOutcome {
    let effect = try begin(kind, key.text)
    var request = SimulatedObjectStore.Request(key: key, change: change, gateway: gateway)
    return try store.state.withLock { state throws(ObjectStoreError) in
      switch effect {
      case .lostRequest: return .unknown(cause: "no answer")
      case .lateRequest:
        state.hold(request)
        return .unknown(cause: "no answer")
      case .lostAnswer:
        _ = state.carryOut(request)
        return .unknown(cause: "no answer")
      case .repeatedRequest: _ = state.carryOut(request)
      case .doubledRequest:
        let outcome = state.carryOut(request)
        state.hold(request)
        return outcome
      case .contended: return kind == .put ? .unknown(cause: "another write runs") : .refused
      case .truncated: request.change = request.change.halved
      case .throttled, .denied, .unreachable: try Self.check(effect, key)
      case .stale, nil: break
      }
      return state.carryOut(request)
    }
  }

  /// Throws what keeps a request from being carried out. A read that got lost is sent again by
  /// whoever reads, so it is no effect of its own.
  private static func check(
    _ effect: SimulatedEffect?, _ key: ObjectKey?
  ) throws(ObjectStoreError) {
    switch effect {
    case .throttled:
      throw ObjectStoreError(.throttled, "the store has too much to do", key: key)
    case .denied: throw ObjectStoreError(.denied, "the store does not accept this", key: key)
    case .unreachable:
      throw ObjectStoreError(.unreachable, "the store does not answer", key: key)
    default: break
    }
  }

  private static func missing(_ key: ObjectKey) -> ObjectStoreError {
    ObjectStoreError(.missing, "the store has no such object", key: key)
  }
}

extension SimulatedObjectStore.Change {
  /// With half of its body.
  fileprivate var halved: Self {
    switch self {
    case .create(let bytes): .create(Array(bytes.prefix(bytes.count / 2)))
    case .replace(let tag, let bytes): .replace(tag, Array(bytes.prefix(bytes.count / 2)))
    case .put(let bytes, let rule): .put(Array(bytes.prefix(bytes.count / 2)), rule)
    case .remove: .remove
    }
  }
}
