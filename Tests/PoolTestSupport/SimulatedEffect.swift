internal import TestSupport

/// What becomes of one request to a simulated object store, besides being carried out and answered.
public enum SimulatedEffect: String, Sendable, CaseIterable {
  /// It never arrives.
  case lostRequest
  /// It arrives some requests later.
  case lateRequest
  /// It is carried out and its answer never comes.
  case lostAnswer
  /// It arrives twice, and what the second one comes to is answered.
  case repeatedRequest
  /// It arrives, is answered, and arrives once more some requests later.
  case doubledRequest
  /// The store says that something else runs, and does nothing.
  case contended
  /// What is read, or listed, is older than what was written last.
  case stale
  case throttled
  case denied
  /// No connection comes about.
  case unreachable
  /// Half of a body is stored, and answered as if it were all.
  case truncated

  /// Whether it says something about requests of this kind.
  func concerns(_ kind: ObjectOperation.Kind) -> Bool {
    switch self {
    case .contended, .truncated: kind.isWrite
    case .stale: !kind.isWrite && kind != .remove
    default: true
    }
  }
}

/// How often effects come by chance: once in so many requests, never for those that are not named.
public struct SimulatedRates: Sendable {
  public var oneIn: [SimulatedEffect: Int]

  public init(_ oneIn: [SimulatedEffect: Int] = [:]) { self.oneIn = oneIn }

  /// Everything that a store which keeps its word may do.
  public static let rough = SimulatedRates([
    .lostRequest: 20, .lateRequest: 20, .lostAnswer: 20, .repeatedRequest: 30,
    .doubledRequest: 30, .contended: 30, .stale: 10, .throttled: 50, .unreachable: 30,
  ])

  func effect(_ kind: ObjectOperation.Kind, _ generator: inout SplitMix64) -> SimulatedEffect? {
    // In one order always, so that a seed means one run.
    for effect in SimulatedEffect.allCases {
      if let count = oneIn[effect], generator.oneIn(count), effect.concerns(kind) { return effect }
    }
    return nil
  }
}

/// An effect on certain requests.
public struct ObjectFault: Sendable {
  public var effect: SimulatedEffect
  /// `nil`: of all kinds.
  public var kind: ObjectOperation.Kind?
  /// Only requests for keys that begin so.
  public var keyPrefix: String
  /// How many such requests go well before.
  public var passing: Int
  /// How many do not then.
  public var failing: Int

  public init(
    _ effect: SimulatedEffect, _ kind: ObjectOperation.Kind? = nil, keyPrefix: String = "",
    passing: Int = 0, failing: Int = 1
  ) {
    self.effect = effect
    self.kind = kind
    self.keyPrefix = keyPrefix
    self.passing = passing
    self.failing = failing
  }
}

/// How a simulated store keeps the promise of conditional writes.
public enum SimulatedConditions: String, Sendable, CaseIterable {
  case kept
  /// Every write lands.
  case ignored
  case ignoredOnCreate
  case ignoredOnReplace
  /// Conditions are looked at some time before the write, so all of several writers win.
  case checkedEarly
  /// What went through one gateway is seen later by conditions at another.
  case keptByGateway
  /// An object that is not there is written on any tag.
  case missingHasAnyTag
}

/// A request that a simulated store has got, or that was sent to it.
public struct ObjectOperation: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    case get, head, create, replace, put, remove, list

    var isWrite: Bool { self == .create || self == .replace || self == .put }
  }

  public var kind: Kind
  /// The prefix of a list.
  public var key: String
  /// The name of the connection.
  public var sender: String

  public var description: String { "\(sender) \(kind.rawValue) \(key)" }
}
