/// Which field it is, and what holds for whoever does not know it.
///
///     bits 0-13 number   bit 14 inherited   bit 15 critical
@frozen
public struct FieldTag: Hashable, Comparable, Sendable {
  public var rawValue: UInt16
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// What carries the field may only be read by who does not know the tag.
  @inlinable public var isCritical: Bool { rawValue & 0x8000 != 0 }
  /// A fork, a snapshot or a reset takes the field from its source.
  @inlinable public var isInherited: Bool { rawValue & 0x4000 != 0 }
}

/// Fields that are kept byte for byte, whether or not their tags are known: tags ascending, each
/// once.
///
///     byteCount u32, then for each: tag u16   byteCount u32   value
public struct Fields: Hashable, Sendable {
  public struct Field: Hashable, Sendable {
    static let headerByteCount = 6

    public let tag: FieldTag
    public let value: [UInt8]

    var byteCount: Int { Self.headerByteCount + value.count }
  }

  /// Bytes of all fields of one entry.
  public static let byteCountMax = 16 << 10
  /// Stored in a change in place of a value's byte count, where the field is removed.
  static let removal = UInt32.max

  public private(set) var all: [Field] = []

  public init() {}

  public var isEmpty: Bool { all.isEmpty }
  /// As stored, without the byte count before them.
  public var byteCount: Int { all.reduce(0) { $0 + $1.byteCount } }

  /// Setting a field to `nil` removes it.
  public subscript(tag: FieldTag) -> [UInt8]? {
    get { all.first { $0.tag == tag }?.value }
    set {
      let index = all.firstIndex { $0.tag >= tag } ?? all.endIndex
      let isThere = index < all.endIndex && all[index].tag == tag
      let new = newValue.map { [Field(tag: tag, value: $0)] } ?? []
      all.replaceSubrange(index..<(isThere ? index + 1 : index), with: new)
    }
  }

  public mutating func apply(_ changes: [FieldChange]) {
    for change in changes { self[change.tag] = change.value }
  }

  /// Tags that whoever does not know them must heed.
  public var criticalTags: [FieldTag] { all.map(\.tag).filter(\.isCritical) }

  /// What a fork takes.
  public var inherited: Fields {
    var fields = Fields()
    fields.all = all.filter(\.tag.isInherited)
    return fields
  }

  /// What a reset leaves: the inherited fields are those of its source.
  public func inheriting(from source: Fields) -> Fields {
    var fields = Fields()
    fields.all = (all.filter { !$0.tag.isInherited } + source.inherited.all)
      .sorted { $0.tag < $1.tag }
    return fields
  }

  init(reading reader: inout ByteReader) throws(FormatError) {
    let limit = UInt32(Self.byteCountMax)
    let byteCount: UInt32 = try reader.integer("byte count of fields", atMost: limit)
    var fields = ByteReader(try reader.bytes(Int(byteCount)), what: "fields")
    while fields.remainingByteCount > 0 {
      let tag = FieldTag(try fields.integer())
      guard all.last.map({ $0.tag < tag }) ?? true else { throw .malformed(what: "fields") }
      let count: UInt32 = try fields.integer("byte count of a field", atMost: limit)
      all.append(Field(tag: tag, value: Array(try fields.bytes(Int(count)))))
    }
  }
}

/// What becomes of one field.
///
///     tag u16   byteCount u32   value        byteCount 0xFFFFFFFF and no value: it is removed
public struct FieldChange: Hashable, Sendable {
  public var tag: FieldTag
  /// `nil` removes it.
  public var value: [UInt8]?

  public init(_ tag: FieldTag, _ value: [UInt8]?) {
    self.tag = tag
    self.value = value
  }

  init(reading reader: inout ByteReader) throws(FormatError) {
    self.init(FieldTag(try reader.integer()), try reader.changedValue(atMost: Fields.byteCountMax))
  }
}

extension ByteReader {
  /// A value behind its byte count u32; `nil` for a removal.
  mutating func changedValue(atMost limit: Int) throws(FormatError) -> [UInt8]? {
    let count: UInt32 = try integer()
    if count == Fields.removal { return nil }
    guard count <= UInt32(limit) else {
      throw .outOfRange(what: "byte count of a value", value: UInt64(count), limit: UInt64(limit))
    }
    return Array(try bytes(Int(count)))
  }
}

extension ByteWriter {
  /// - Precondition: the fields take at most `Fields.byteCountMax` bytes.
  mutating func append(_ fields: Fields) {
    precondition(fields.byteCount <= Fields.byteCountMax)
    append(count: fields.byteCount)
    for field in fields.all {
      append(field.tag.rawValue)
      append(changed: field.value)
    }
  }

  mutating func append(_ change: FieldChange) {
    append(change.tag.rawValue)
    append(changed: change.value)
  }

  mutating func append(changed value: [UInt8]?) {
    append(value.map { UInt32($0.count) } ?? Fields.removal)
    if let value { value.withUnsafeBytes { append($0) } }
  }
}
