/// What the body of an object that changes begins with. A body never repeats (sequence, nonce).
///
///     sequence u64   nonce[16]   receipts (count u32, 10 bytes each: member u16   attempt u64)
public struct PoolRevision: Hashable, Sendable {
  /// The object's memory of the last attempt of one member that changed it.
  @frozen
  public struct Receipt: Hashable, Sendable {
    static let byteCount = 10
    public var member: PoolMemberNumber
    public var attempt: PoolAttempt

    public init(member: PoolMemberNumber, attempt: PoolAttempt) {
      self.member = member
      self.attempt = attempt
    }
  }

  /// Of so many members the last attempt is remembered.
  public static let receiptCountMax = 256
  public static let nonceByteCount = 16

  /// One more with every change.
  public var sequence: UInt64
  /// 16 random bytes.
  public var nonce: [UInt8]
  /// In the order of the changes, each member once.
  public private(set) var receipts: [Receipt] = []

  /// - Precondition: the nonce has 16 bytes.
  public init(sequence: UInt64 = 0, nonce: [UInt8]) {
    precondition(nonce.count == Self.nonceByteCount)
    self.sequence = sequence
    self.nonce = nonce
  }

  /// The last attempt of the member that is known to have changed the object.
  public func attempt(of member: PoolMemberNumber) -> PoolAttempt? {
    receipts.last { $0.member == member }?.attempt
  }

  /// The next one, by an attempt of that member.
  public func next(
    by member: PoolMemberNumber, _ attempt: PoolAttempt, nonce: [UInt8]
  ) -> PoolRevision {
    var next = PoolRevision(sequence: sequence + 1, nonce: nonce)
    next.receipts = receipts.filter { $0.member != member }
    next.receipts.append(Receipt(member: member, attempt: attempt))
    next.receipts.removeFirst(max(0, next.receipts.count - Self.receiptCountMax))
    return next
  }

  init(reading reader: inout ByteReader) throws(FormatError) {
    sequence = try reader.integer()
    nonce = Array(try reader.bytes(Self.nonceByteCount))
    receipts = try reader.array(of: Receipt.byteCount) { (reader) throws(FormatError) in
      Receipt(member: try reader.memberNumber(), attempt: PoolAttempt(try reader.integer()))
    }
    guard receipts.count <= Self.receiptCountMax else {
      throw .outOfRange(
        what: "count of receipts", value: UInt64(receipts.count),
        limit: UInt64(Self.receiptCountMax))
    }
    guard Set(receipts.map(\.member)).count == receipts.count else {
      throw .malformed(what: "receipts")
    }
  }
}

extension ByteWriter {
  mutating func append(_ revision: PoolRevision) {
    append(revision.sequence)
    append(raw: revision.nonce)
    append(count: revision.receipts.count)
    for receipt in revision.receipts {
      append(receipt.member.rawValue)
      append(receipt.attempt.rawValue)
    }
  }
}
