/// How a write of an object ended.
public enum WriteOutcome: Hashable, Sendable {
  /// The store has all the bytes, under this tag.
  case done(ObjectTag)
  /// The store says that the object was not as the condition wants it. That can be the write's own
  /// success: something on the way repeated the request.
  case refused
  /// The write may have landed, may land at any later time, or never. No caller may take it for
  /// `done` or for `refused`.
  case unknown(cause: String)

  /// The tag of a write that is done.
  public var tag: ObjectTag? {
    if case .done(let tag) = self { tag } else { nil }
  }

  public var isUnknown: Bool {
    if case .unknown = self { true } else { false }
  }
}

/// Which object a `put` may write over.
public enum PutRule: Sendable {
  /// None: one that is there stays, and a `put` of other bytes is refused.
  case ifAbsent
  /// Any.
  case always
}
