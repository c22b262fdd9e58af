/// What data a trust domain holds. The smaller the stricter.
public enum DomainClass: UInt16, Comparable, Sendable, CaseIterable {
  case raw = 0
  case masked = 1
  case schema = 2
  /// No data of persons.
  case impersonal = 3

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The value of the setting `domain/NAME`: a trust domain's number and class.
///
///     version u16 (1)   class u16   number u32        8 bytes
///
/// Classes: 0 raw, 1 masked, 2 schema, 3 no data of persons.
public struct DomainSetting: Hashable, Sendable {
  private static let version: UInt16 = 1
  private static let byteCount = 8
  private static let what = "trust domain"

  /// Above 0, whose domain needs no setting.
  public var domain: DomainID
  public var domainClass: DomainClass

  public init(_ domain: DomainID, _ domainClass: DomainClass) {
    self.domain = domain
    self.domainClass = domainClass
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter(byteCapacity: Self.byteCount)
    writer.append(Self.version)
    writer.append(domainClass.rawValue)
    writer.append(domain.rawValue)
    return writer.bytes
  }

  /// A class that this version does not know is `unsupported`.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> DomainSetting {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      var reader = ByteReader(bytes, what: what)
      let version: UInt16 = try reader.integer()
      guard version == Self.version else {
        throw .unsupportedVersion(what: what, found: UInt32(version))
      }
      let code: UInt16 = try reader.integer()
      let domain = DomainID(try reader.integer())
      try reader.finish()
      guard domain != .standard else { throw .malformed(what: what) }
      guard let domainClass = DomainClass(rawValue: code) else {
        throw .unsupported(what: "class of a \(what)", found: UInt64(code))
      }
      return DomainSetting(domain, domainClass)
    }
  }
}
