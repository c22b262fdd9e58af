/// The fields of entries that this version knows.
///
///     number         bits                   value
///      1 protected   critical               until i64
///      2 expired     critical               since i64
///      3 keepUntil   critical               until i64
///      4 expiry      -                      at i64   lifetime i64
///      5 lease       -                      until i64   period i64
///      6 owner       -                      UTF-8
///      7 labels      -                      for each: byteCount u8   key   byteCount u8   value
///      9 origin      critical, inherited    JSON, of whoever keeps baselines
///     10 limit       -                      byteCount u64
///     11 approval    critical               JSON, likewise
///     14 instance    -                      of whoever runs servers on branches
///     15 part        critical               JSON, likewise
///     17 reason      -                      UTF-8, of its protection
///     18 ending      -                      cause u8   flags u8   group u64   by: UTF-8
///     19 order       -                      u64, of its deletion
///
/// Times are nanoseconds since 1970, `Int64.max` for ever; lifetimes and periods are nanoseconds, 0
/// for none.
extension FieldTag {
  public static let protected = FieldTag(critical: 1)
  public static let expired = FieldTag(critical: 2)
  public static let keepUntil = FieldTag(critical: 3)
  public static let expiry = FieldTag(4)
  public static let lease = FieldTag(5)
  public static let owner = FieldTag(6)
  public static let labels = FieldTag(7)
  public static let origin = FieldTag(9 | 1 << 15 | 1 << 14)
  public static let limit = FieldTag(10)
  public static let approval = FieldTag(critical: 11)
  public static let instance = FieldTag(14)
  public static let part = FieldTag(critical: 15)
  public static let protectionReason = FieldTag(17)
  public static let ending = FieldTag(18)
  public static let deletionOrder = FieldTag(19)

  private init(critical number: UInt16) { self.init(number | 1 << 15) }

  /// Whether it is critical, and what it asks for is known.
  @inlinable public var isUnderstood: Bool {
    switch self {
    case .protected, .expired, .keepUntil, .origin, .approval, .part: true
    default: false
    }
  }
}

extension Fields {
  /// Critical tags that ask for what this version does not know.
  public var unknownCriticalTags: [FieldTag] { criticalTags.filter { !$0.isUnderstood } }

  /// Until when nothing may end the entry or replace its content. A value that cannot be read says
  /// for ever: a restriction is never lost.
  public var protectedUntil: Int64? { time(.protected, orElse: .max) }

  /// Whether nothing may end the entry or replace its content now. Who protects for ever does so
  /// also when a clock has no time left.
  public func isProtected(at now: Int64) -> Bool {
    protectedUntil.map { $0 == .max || $0 > now } ?? false
  }

  /// Why that is so, as somebody said it; `nil` where nobody did.
  public var protectionReason: String? {
    protectedUntil == nil ? nil : self[.protectionReason].flatMap(EntryField.text)
  }

  /// Since when the branch is stopped and hidden.
  public var expiredSince: Int64? { time(.expired, orElse: 0) }

  /// Until when a deleted entry can be restored, lack of space aside. A value that cannot be read
  /// says for ever.
  public var keepUntil: Int64? { time(.keepUntil, orElse: .max) }

  /// How many bytes the branch may add. A value that cannot be read says nothing: the field is not
  /// critical.
  public var limitByteCount: UInt64? { self[.limit].flatMap { EntryField.byteCount(in: $0) } }

  /// How it came to its end; `nil` where it has not, and for a value that cannot be read.
  public var ending: Ending? { self[.ending].flatMap(Ending.init) }

  /// Of deleted entries of one name that with the greatest was deleted last, whatever clocks showed
  /// then; 0 where nothing is noted, and for a value that cannot be read.
  public var deletionOrder: UInt64 {
    self[.deletionOrder].flatMap { EntryField.byteCount(in: $0) } ?? 0
  }

  private func time(_ tag: FieldTag, orElse unreadable: Int64) -> Int64? {
    self[tag].map { EntryField.time(in: $0) ?? unreadable }
  }
}

/// How the values of known fields are written.
public enum EntryField {
  public static func value(ofTime nanoseconds: Int64) -> [UInt8] { bytes(of: [nanoseconds]) }

  /// `nil` for bytes that are no time.
  public static func time(in value: [UInt8]) -> Int64? { integers(in: value, 1)?[0] }

  public static func value(ofByteCount byteCount: UInt64) -> [UInt8] {
    bytes(of: [Int64(bitPattern: byteCount)])
  }

  /// `nil` for bytes that are no number.
  public static func byteCount(in value: [UInt8]) -> UInt64? {
    integers(in: value, 1).map { UInt64(bitPattern: $0[0]) }
  }

  /// An end and how long it was from when it was given, or a lease and its period.
  public static func value(ofTime nanoseconds: Int64, every span: Int64) -> [UInt8] {
    bytes(of: [nanoseconds, span])
  }

  /// `nil` for bytes that are no time with a span.
  public static func timeAndSpan(in value: [UInt8]) -> (time: Int64, span: Int64)? {
    guard let read = integers(in: value, 2), read[1] >= 0 else { return nil }
    return (read[0], read[1])
  }

  /// - Precondition: keys and values have at most 255 bytes.
  public static func value(ofLabels labels: [(key: String, value: String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for label in labels {
      for text in [label.key, label.value] {
        bytes.append(UInt8(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
      }
    }
    return bytes
  }

  /// `nil` for bytes that are no labels.
  public static func labels(in value: [UInt8]) -> [(key: String, value: String)]? {
    var labels: [(key: String, value: String)] = []
    var rest = value[...]
    while !rest.isEmpty {
      guard let key = takeText(&rest), let text = takeText(&rest) else { return nil }
      labels.append((key, text))
    }
    return labels
  }

  /// Whether labels have all of these, each as `value(ofLabels:)` writes it alone. Does not
  /// allocate.
  public static func labels(in value: [UInt8], have wanted: [[UInt8]]) -> Bool {
    wanted.allSatisfy { label in
      var start = 0
      while let end = endOfLabel(in: value, from: start) {
        if value[start..<end].elementsEqual(label) { return true }
        start = end
      }
      return false
    }
  }

  private static func endOfLabel(in value: [UInt8], from start: Int) -> Int? {
    guard start < value.count else { return nil }
    let text = start + 1 + Int(value[start])
    guard text < value.count else { return nil }
    let end = text + 1 + Int(value[text])
    return end <= value.count ? end : nil
  }

  /// `nil` for bytes that are not UTF-8.
  public static func text(in value: some Collection<UInt8>) -> String? {
    String(validating: value, as: UTF8.self)
  }

  private static func takeText(_ rest: inout ArraySlice<UInt8>) -> String? {
    guard let count = rest.popFirst(), rest.count >= Int(count) else { return nil }
    defer { rest.removeFirst(Int(count)) }
    return text(in: rest.prefix(Int(count)))
  }

  private static func bytes(of values: [Int64]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) }
  }

  private static func integers(in value: [UInt8], _ count: Int) -> [Int64]? {
    guard value.count == count * 8 else { return nil }
    return value.withUnsafeBytes { bytes in
      (0..<count).map {
        Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
      }
    }
  }
}
