internal import CoppiceFormat

/// What has become of a branch or snapshot.
public enum EntryState: String, Hashable, Sendable, Codable, CaseIterable {
  /// In use. Left by `Store.expire`, to `expired`, and by `Store.delete`, to `deleted`.
  case live
  /// Stopped and hidden: nobody writes to it, no mount shows it, and its content and name stay.
  /// Left by `Store.renew`, to `live`, and by `Store.delete`.
  case expired
  /// Without a name of its own; `Store.restore` makes it live again, until it is forgotten.
  case deleted
}

/// A set of states.
public struct EntryStates: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let live = EntryStates(rawValue: 1)
  public static let expired = EntryStates(rawValue: 2)
  public static let deleted = EntryStates(rawValue: 4)
  /// Those that have a name to themselves.
  public static let named: EntryStates = [.live, .expired]
  public static let all: EntryStates = [.live, .expired, .deleted]

  /// Whether that state is among them.
  public func includes(_ state: EntryState) -> Bool {
    switch state {
    case .live: contains(.live)
    case .expired: contains(.expired)
    case .deleted: contains(.deleted)
    }
  }
}

extension BranchEntry {
  var state: EntryState {
    if flags.contains(.deleted) { return .deleted }
    return annotations.expiredSince == nil ? .live : .expired
  }
}
