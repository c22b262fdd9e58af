internal import CoppiceFormat

/// The annotations that the library itself keeps, by which `Store.annotate` may change them too.
/// What their values are is told in the article on the format.
extension AnnotationTag {
  /// Until when nothing may delete the entry or replace its content.
  public static let protected = AnnotationTag(.protected)
  /// Why.
  public static let protectionReason = AnnotationTag(.protectionReason)
  /// Since when a branch is stopped and hidden.
  public static let expired = AnnotationTag(.expired)
  /// Until when a deleted entry can be restored while there is space.
  public static let keepUntil = AnnotationTag(.keepUntil)
  /// When it ends.
  public static let expiry = AnnotationTag(.expiry)
  /// Until when somebody promised to renew it.
  public static let lease = AnnotationTag(.lease)
  /// Whose it is.
  public static let owner = AnnotationTag(.owner)
  /// What else is said of it.
  public static let labels = AnnotationTag(.labels)
  /// The approved snapshot that it came from.
  public static let origin = AnnotationTag(.origin)
  /// Bytes that it may add.
  public static let limit = AnnotationTag(.limit)
  /// Whether branches may be made of it.
  public static let approval = AnnotationTag(.approval)
  /// The server that shall run on it.
  public static let instance = AnnotationTag(.instance)
  /// The baseline that it is a part of.
  public static let part = AnnotationTag(.part)
  /// How it came to its end.
  public static let ending = AnnotationTag(.ending)
  /// Of a deleted entry: after how many others of its name that was.
  public static let deletionOrder = AnnotationTag(.deletionOrder)
}

extension AnnotationChange {
  /// A deleted entry can be restored until then while there is space; given to `Store.delete`.
  public static func keeping(until time: Timestamp) -> AnnotationChange {
    AnnotationChange(.keepUntil, EntryField.value(ofTime: time.nanoseconds))
  }
}
