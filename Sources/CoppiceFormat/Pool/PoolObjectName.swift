/// What an object of a pool is called, below the pool's prefix in the object store.
///
///     pool                       the head
///     members/<id>               a member's object: the 32 hexadecimal digits of its id
///     segments/<2 hex>/<8 hex>   a segment: the last two digits of its id, then all eight
///     retired/<cycle>            a retired table: its cycle in decimal digits
///
/// `hot/` and `log/` are reserved.
public enum PoolObjectName: Hashable, Sendable {
  case head
  case member(PoolMemberID)
  /// An id of realm 0: at most 32 bits.
  case segment(SegmentID)
  /// The cycle is at least 1.
  case retired(cycle: UInt64)

  /// What the object's header must say.
  public var kind: PoolObjectKind {
    switch self {
    case .head: .head
    case .member: .member
    case .segment: .segment
    case .retired: .retired
    }
  }

  /// What the object's header must say: 0 for the head, bytes 0-7 of a member's id, a segment's
  /// id, a cycle.
  public var number: UInt64 {
    switch self {
    case .head: 0
    case .member(let id): id.low
    case .segment(let id): id.rawValue
    case .retired(let cycle): cycle
    }
  }

  /// The object's key without the pool's prefix.
  ///
  /// - Precondition: a segment's id is one of realm 0.
  public var key: String {
    switch self {
    case .head: return Self.headKey
    case .member(let id): return Self.memberPrefix + id.description
    case .segment(let id):
      let digits = String(hexadecimal: UInt32(id.rawValue))
      return Self.segmentPrefix + digits.suffix(2) + "/" + digits
    case .retired(let cycle): return Self.retiredPrefix + String(cycle)
    }
  }

  /// `nil` for a key of nothing that this version knows.
  public init?(key: String) {
    if key == Self.headKey {
      self = .head
    } else if key.hasPrefix(Self.memberPrefix) {
      guard let id = PoolMemberID(String(key.dropFirst(Self.memberPrefix.count))) else {
        return nil
      }
      self = .member(id)
    } else if key.hasPrefix(Self.segmentPrefix) {
      guard let id = UInt32(hexadecimal: key.suffix(8)), id > 0 else { return nil }
      self = .segment(SegmentID(UInt64(id)))
    } else if key.hasPrefix(Self.retiredPrefix) {
      guard let cycle = UInt64(key.dropFirst(Self.retiredPrefix.count)), cycle > 0 else {
        return nil
      }
      self = .retired(cycle: cycle)
    } else {
      return nil
    }
    // One object has one key: no other digits, no other folder.
    guard self.key == key else { return nil }
  }

  /// What the keys of all segments begin with.
  public static let segmentPrefix = "segments/"
  private static let headKey = "pool"
  private static let memberPrefix = "members/"
  private static let retiredPrefix = "retired/"
}

extension PoolObjectName: CustomStringConvertible {
  public var description: String { key }
}
