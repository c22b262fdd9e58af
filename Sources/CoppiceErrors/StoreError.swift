/// Every failure that the store reports: what happened, to which object, and what to do about it.
///
/// The kind says what a caller does next; front ends map kinds (errno, exit status, HTTP status) in
/// one switch each.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What the caller does next. There are no others, and each means one thing.
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
  /// speak POSIX mostly. Each names the errno that a file system answers in its place.
  public enum Reason: String, Sendable, CaseIterable {
    /// There is something of that name: `EEXIST`.
    case exists
    /// A directory with something in it: `ENOTEMPTY`.
    case notEmpty
    /// Something else where a directory must be: `ENOTDIR`.
    case notDirectory
    /// A directory where something else must be: `EISDIR`.
    case isDirectory
    /// More bytes than a name can have: `ENAMETOOLONG`.
    case nameTooLong
    /// Symbolic links that lead nowhere but to others: `ELOOP`.
    case linkLoop
    /// A directory would come to lie in itself: `EINVAL`.
    case invalidMove
    /// The file has no such extended attribute: `ENODATA`.
    case noAttribute
    /// A snapshot, or a store opened for reading only: `EROFS`.
    case readOnlyTree
    /// The file, or the state it belonged to, is gone: `ESTALE`.
    case stale
    /// A file with as many names as one can have: `EMLINK`.
    case tooManyLinks
    /// More bytes than a file can have: `EFBIG`.
    case tooLarge
    /// Not to be done to that kind of file: `EPERM`.
    case notPermitted
    /// Of another branch or snapshot: `EXDEV`.
    case otherTree
    /// Nothing that is offered: `EOPNOTSUPP`.
    case unsupported
    /// A value with more bytes than the store keeps of one: `ERANGE`.
    case valueTooLarge
    /// A file with as many extended attributes as one can have: `ENOSPC`.
    case tooManyAttributes
    /// A file system that cannot give the room that was asked for: `ENOSPC`.
    case noRoom
    /// The branch has added as many bytes as it may, or the disk has too little room for it to
    /// grow: `ENOSPC`. Overwriting and removing go on.
    case limit
    /// The system lacked something, such as file descriptors or memory: `EIO`. It says nothing of
    /// what is stored; try again.
    case passing
    /// Something that is protected: `EPERM`.
    case protected
    /// A branch that has expired: renewing it is what helps. `EPERM`.
    case expired
    /// What a policy, or the rules of a baseline, do not allow: `EPERM`.
    case policy
    /// An object store that does not answer: `ETIMEDOUT`.
    case unreachable
    /// An object in a class of storage that has to be asked for first: `EIO`.
    case archived
    /// Nobody can tell yet whether a change of a pool took place: `EIO`.
    case unknownOutcome
    /// An object store that shows an older state than one that it showed before: `EIO`.
    case oldObject
    /// Something of a pool that was there and is deleted: `ESTALE`.
    case gone
    /// A copy of the store acts as the same member of a pool, or this is an old one: `EPERM`.
    case copied
    /// A member of a pool that another one has taken over from: `EPERM`.
    case evicted
  }

  /// What to do next.
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

  /// An error of a kind; what is left out is empty.
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

  /// All of it in one line, in the words of the library.
  public var description: String {
    var text = object.isEmpty ? message : "\(object): \(message)"
    if let cause { text += " (\(cause))" }
    if !remedy.isEmpty { text += "; \(remedy)" }
    return text
  }
}
