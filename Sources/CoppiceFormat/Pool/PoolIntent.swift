/// A member's word of a push that runs: which segment ids it uses, and the entries that it builds
/// on, its supports, which stay roots until it is closed.
///
///     attempt u64   first u32   count u32   keyID u32
///     supports (count u32; member u16, entry u64)
///
/// With a count of 0 it has taken no id yet.
public struct PoolIntent: Hashable, Sendable {
  static let byteCountMin = 24

  public var attempt: PoolAttempt
  public var first: UInt32
  public var count: UInt32
  /// The generation of the domain's key that it seals under.
  public var key: PoolKeyID
  public var supports: [PoolEntryName]

  public init(
    attempt: PoolAttempt, first: UInt32, count: UInt32, key: PoolKeyID,
    supports: [PoolEntryName] = []
  ) {
    self.attempt = attempt
    self.first = first
    self.count = count
    self.key = key
    self.supports = supports
  }
}

/// Segments that entries may reach: they were complete before they were listed here.
///
///     first u32   count u32   domain u32   keyID u32        16 bytes
@frozen
public struct PoolPublishedRun: Hashable, Sendable {
  static let byteCount = 16

  public var run: PoolSegmentRun
  public var domain: DomainID
  public var key: PoolKeyID

  public init(_ run: PoolSegmentRun, domain: DomainID, key: PoolKeyID) {
    self.run = run
    self.domain = domain
    self.key = key
  }
}

extension ByteReader {
  mutating func poolIntent() throws(FormatError) -> PoolIntent {
    let intent = PoolIntent(
      attempt: PoolAttempt(try integer()), first: try integer(), count: try integer(),
      key: PoolKeyID(try integer()), supports: try poolEntryNames())
    let run = PoolSegmentRun(first: intent.first, count: intent.count)
    guard intent.count == 0 || run.isValid else { throw .malformed(what: "pool intent") }
    return intent
  }

  mutating func poolPublishedRun() throws(FormatError) -> PoolPublishedRun {
    PoolPublishedRun(
      try poolSegmentRun(), domain: DomainID(try integer()), key: PoolKeyID(try integer()))
  }
}

extension ByteWriter {
  mutating func append(_ intent: PoolIntent) {
    append(intent.attempt.rawValue)
    append(intent.first)
    append(intent.count)
    append(intent.key.rawValue)
    append(intent.supports)
  }

  mutating func append(_ published: PoolPublishedRun) {
    append(published.run)
    append(published.domain.rawValue)
    append(published.key.rawValue)
  }
}
