/// Bytes of an object, and what was said of it with them.
public struct FetchedObject: Hashable, Sendable {
  /// The range that was asked for, all of it.
  public var bytes: [UInt8]
  public var tag: ObjectTag
  /// Of the whole object.
  public var byteCount: Int

  public init(bytes: [UInt8], tag: ObjectTag, byteCount: Int) {
    self.bytes = bytes
    self.tag = tag
    self.byteCount = byteCount
  }
}

/// What is known of an object without its bytes.
public struct ObjectStatus: Hashable, Sendable {
  public var tag: ObjectTag
  public var byteCount: Int

  public init(tag: ObjectTag, byteCount: Int) {
    self.tag = tag
    self.byteCount = byteCount
  }
}

/// An object in a list.
public struct ListedObject: Hashable, Sendable {
  public var key: ObjectKey
  public var byteCount: Int

  public init(key: ObjectKey, byteCount: Int) {
    self.key = key
    self.byteCount = byteCount
  }
}

/// A part of a list, in the order of keys.
public struct ObjectPage: Hashable, Sendable {
  /// Objects whose names are no `ObjectKey` are left out.
  public var objects: [ListedObject]
  /// Where the next part begins; `nil` after the last.
  public var next: ListPlace?

  public init(objects: [ListedObject], next: ListPlace?) {
    self.objects = objects
    self.next = next
  }
}

/// Where a list goes on.
public struct ListPlace: Hashable, Sendable {
  /// The store's word for the place.
  public var token: String
  /// The last key before it; all that follow are greater.
  public var lastKey: ObjectKey?

  public init(token: String, lastKey: ObjectKey?) {
    self.token = token
    self.lastKey = lastKey
  }
}
