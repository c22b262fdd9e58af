/// A call on an object store that came to nothing, told apart by what its caller can do.
///
/// None of them says that what is stored is damaged. `missing` is the store's own word; a store
/// that does not answer, or not to these credentials, never appears as one without the object.
public struct ObjectStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// No answer, or none that can be used, also not to repeated requests. Try again later.
    case unreachable
    /// The credentials are not there, or not valid, or not enough. Give others.
    case denied
    /// The store says that it has no such object.
    case missing
    /// The store has too much to do. Try again later, and with less at once.
    case throttled
    /// The object lies in a class of storage that has to be asked for first.
    case archived
    /// The object ends before the range that was asked for does.
    case beyondEnd
    /// The request cannot be carried out as it is, or the store cannot carry out such requests.
    case invalid
  }

  public var kind: Kind
  /// One sentence on what went wrong.
  public var message: String
  /// The object concerned, if it was about one.
  public var key: ObjectKey?
  /// What the store or the network said.
  public var cause: String?

  public init(_ kind: Kind, _ message: String, key: ObjectKey? = nil, cause: String? = nil) {
    self.kind = kind
    self.message = message
    self.key = key
    self.cause = cause
  }

  public var description: String {
    var text = key.map { "\($0): \(message)" } ?? message
    if let cause { text += " (\(cause))" }
    return text
  }
}
