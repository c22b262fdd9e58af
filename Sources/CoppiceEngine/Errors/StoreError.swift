/// Every failure that the store reports: what happened, to which object, and what to do about it.
///
/// The kind says what a caller does next; front ends map kinds (errno, exit status, HTTP status) in
/// one switch each.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// No such store, branch, snapshot or path. Correct the name.
    case notFound
    /// Something with that name exists, or the target changed meanwhile. Choose again.
    case conflict
    /// Another process or an open handle uses the object. Wait, or end the other use.
    case inUse
    /// The object or its file system refuses: read-only, or missing rights.
    case denied
    /// No space. Nothing acknowledged was lost; free space and repeat.
    case full
    /// Stored bytes are not what was written. Run a check; restore from another copy.
    case corrupt
    /// Written by a newer version. Use that version.
    case unsupportedFormat
    /// The request makes no sense. Correct it.
    case invalid
    /// The store cannot serve now: poisoned by an I/O error, or closed. Reopen it.
    case unavailable
  }

  /// What exactly is wrong, where the kind is not all that callers tell apart: front ends that
  /// speak POSIX mostly.
  public enum Reason: String, Sendable, CaseIterable {
    case exists, notEmpty, notDirectory, isDirectory, nameTooLong, linkLoop, invalidMove
    case noAttribute, readOnlyTree, stale, tooManyLinks, tooLarge, notPermitted
    case otherTree, unsupported, valueTooLarge, tooManyAttributes, noRoom
    /// The system lacked something, such as file descriptors or memory. It says nothing of what is
    /// stored; try again.
    case passing
  }

  public var kind: Kind
  /// One sentence on what went wrong, with the numbers that matter.
  public var message: String
  /// The branch, path, file or structure concerned; empty when the store as a whole is.
  public var object: String
  /// What the user can do now; empty when the message says it all.
  public var remedy: Remedy
  /// The failed call or check underneath, if there was one.
  public var cause: String?
  /// Set where the kind alone does not tell which errno a file system would answer.
  public var reason: Reason?

  public init(
    _ kind: Kind, _ message: String, object: String = "", remedy: Remedy = "",
    cause: String? = nil, reason: Reason? = nil
  ) {
    self.kind = kind
    self.message = message
    self.object = object
    self.remedy = remedy
    self.cause = cause
    self.reason = reason
  }

  public var description: String {
    var text = object.isEmpty ? message : "\(object): \(message)"
    if let cause { text += " (\(cause))" }
    if !remedy.isEmpty { text += "; \(remedy)" }
    return text
  }
}
