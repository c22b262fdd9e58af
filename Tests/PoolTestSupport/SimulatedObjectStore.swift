internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools
internal import Synchronization
internal import TestSupport

/// An object store in memory that keeps no more promises than its contract makes: answers get lost,
/// requests come late and twice, and what is read may be old.
///
/// Requests are its steps: whatever is on the way arrives when a later request is made, or when the
/// test says so. Everything is deterministic: the same calls and seeds give the same answers. It is
/// used through connections, one for each process that a test plays.
public final class SimulatedObjectStore: Sendable {
  /// How long, in requests, a late one is on its way at most.
  static let latenessMax = 40
  /// How many requests ago conditions are looked at where that is early.
  static let earliness = 24
  static let keptVersionCount = 8

  let state: Mutex<State>

  struct Version {
    /// `nil`: the object was removed.
    var bytes: [UInt8]?
    var step: Int
    var gateway: Int

    var tag: ObjectTag? { bytes.flatMap(SimulatedObjectStore.tag) }
  }

  /// What is asked of the store, as it arrives.
  struct Request {
    var key: ObjectKey
    var change: Change
    var gateway: Int
  }

  enum Change {
    case create([UInt8])
    case replace(ObjectTag, [UInt8])
    case put([UInt8], PutRule)
    case remove
  }

  struct Held {
    var request: Request
    var arrival: Int
  }

  struct Interception {
    var kind: ObjectOperation.Kind?
    var keyPrefix: String
    var passing: Int
    var body: @Sendable () -> Void
  }

  struct State {
    var generator: SplitMix64
    var conditions: SimulatedConditions
    var rates = SimulatedRates()
    var faults: [ObjectFault] = []
    var interceptions: [Interception] = []
    /// Oldest first; the last one is what is there.
    var objects: [ObjectKey: [Version]] = [:]
    var held: [Held] = []
    var step = 0
    var operations: [ObjectOperation] = []
    var clockOffset = Duration.zero
  }

  /// An empty store that answers everything.
  public init(seed: UInt64 = 0, conditions: SimulatedConditions = .kept) {
    state = Mutex(State(generator: SplitMix64(seed: seed), conditions: conditions))
  }

  /// A connection of its own for a process.
  ///
  /// - Parameter gateway: which of several addresses of the store it leads to.
  public func connection(_ name: String = "", gateway: Int = 0) -> SimulatedConnection {
    SimulatedConnection(self, name: name, gateway: gateway)
  }

  /// As most stores have it: the same bytes have the same tag.
  static func tag(_ bytes: [UInt8]) -> ObjectTag? {
    let sum = bytes.withBytes { checksum64($0) }
    return ObjectTag(header: String(sum, radix: 16) + "-\(bytes.count)")
  }
}

extension SimulatedObjectStore.State {
  /// Begins a request: what is due arrives first. Returns what becomes of it.
  mutating func begin(_ operation: ObjectOperation) -> SimulatedEffect? {
    step += 1
    operations.append(operation)
    let due = held.filter { $0.arrival <= step }
    held.removeAll { $0.arrival <= step }
    for late in due { _ = carryOut(late.request) }
    for index in faults.indices {
      let fault = faults[index]
      guard fault.kind ?? operation.kind == operation.kind,
        operation.key.hasPrefix(fault.keyPrefix)
      else { continue }
      if fault.passing > 0 {
        faults[index].passing -= 1
      } else if fault.failing > 0 {
        faults[index].failing -= 1
        return fault.effect
      }
    }
    return rates.effect(operation.kind, &generator)
  }

  mutating func hold(_ request: SimulatedObjectStore.Request) {
    let arrival = step + 1 + generator.below(SimulatedObjectStore.latenessMax)
    held.append(SimulatedObjectStore.Held(request: request, arrival: arrival))
  }

  /// What the store does when a request arrives.
  mutating func carryOut(_ request: SimulatedObjectStore.Request) -> WriteOutcome {
    let seen = versionForConditions(request)
    let bytes: [UInt8]
    switch request.change {
    case .remove:
      if current(request.key)?.bytes != nil { append(nil, request) }
      return .refused
    case .put(let content, .always): bytes = content
    case .put(let content, .ifAbsent):
      guard conditions == .ignored || conditions == .ignoredOnCreate || seen?.bytes == nil else {
        return .refused
      }
      bytes = content
    case .create(let content):
      guard conditions == .ignored || conditions == .ignoredOnCreate || seen?.bytes == nil else {
        return .refused
      }
      bytes = content
    case .replace(let tag, let content):
      let isMissing = seen?.bytes == nil
      guard
        conditions == .ignored || conditions == .ignoredOnReplace
          || isMissing && conditions == .missingHasAnyTag || seen?.tag == tag
      else { return .refused }
      bytes = content
    }
    append(bytes, request)
    return SimulatedObjectStore.tag(bytes).map(WriteOutcome.done) ?? .refused
  }

  func current(_ key: ObjectKey) -> SimulatedObjectStore.Version? { objects[key]?.last }

  private func versionForConditions(
    _ request: SimulatedObjectStore.Request
  ) -> SimulatedObjectStore.Version? {
    let early = step - SimulatedObjectStore.earliness
    return objects[request.key]?.last { version in
      switch conditions {
      case .checkedEarly: version.step <= early
      case .keptByGateway: version.gateway == request.gateway || version.step <= early
      default: true
      }
    }
  }

  mutating func append(_ bytes: [UInt8]?, _ request: SimulatedObjectStore.Request) {
    let version = SimulatedObjectStore.Version(bytes: bytes, step: step, gateway: request.gateway)
    objects[request.key, default: []].append(version)
    let count = objects[request.key, default: []].count
    if count > SimulatedObjectStore.keptVersionCount {
      objects[request.key]?.removeFirst(count - SimulatedObjectStore.keptVersionCount)
    }
  }

  /// What a read finds: when it is stale, one of the versions that were there before.
  mutating func version(
    _ key: ObjectKey, isStale: Bool
  ) -> SimulatedObjectStore.Version? {
    guard isStale, let versions = objects[key] else { return current(key) }
    let back = 1 + generator.below(versions.count)
    return back == versions.count ? nil : versions[versions.count - 1 - back]
  }
}
