internal import CoppiceFormat

/// Which annotation of a branch or snapshot it is, and what holds for programs that do not know it.
public struct AnnotationTag: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The greatest number.
  public static let numberMax: UInt16 = 1 << 14 - 1

  let field: FieldTag

  /// `nil` for a number above `numberMax`.
  ///
  /// - Parameters:
  ///   - isCritical: a version of the library that does not know the tag only reads what carries
  ///     it.
  ///   - isInherited: forks and snapshots take the annotation from their source, and a reset does.
  public init?(number: UInt16, isCritical: Bool = false, isInherited: Bool = false) {
    guard number <= Self.numberMax else { return nil }
    field = FieldTag(number | (isInherited ? 1 << 14 : 0) | (isCritical ? 1 << 15 : 0))
  }

  init(_ field: FieldTag) { self.field = field }

  public var number: UInt16 { field.rawValue & Self.numberMax }
  public var isCritical: Bool { field.isCritical }
  public var isInherited: Bool { field.isInherited }

  public static func < (a: Self, b: Self) -> Bool { a.field < b.field }
  public var description: String {
    "\(number)\(isInherited ? ", inherited" : "")\(isCritical ? ", critical" : "")"
  }
}

/// An annotation that is set, or removed.
public struct AnnotationChange: Hashable, Sendable {
  public var tag: AnnotationTag
  /// `nil` removes it.
  public var value: [UInt8]?

  public init(_ tag: AnnotationTag, _ value: [UInt8]?) {
    self.tag = tag
    self.value = value
  }

  var field: FieldChange { FieldChange(tag.field, value) }
}
