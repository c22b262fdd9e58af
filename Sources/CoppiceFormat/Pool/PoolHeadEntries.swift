/// A trust domain of a pool. Pools and stores number them each for themselves; what is the same
/// domain has the same name.
///
///     number u32   class u16   flags u16   name (byte count u16, UTF-8)
public struct PoolDomain: Hashable, Sendable {
  static let byteCountMin = 10
  public static let nameByteCountMax: UInt16 = 255

  public var number: DomainID
  public var domainClass: DomainClass
  public var name: String

  public init(_ number: DomainID, _ domainClass: DomainClass, name: String) {
    self.number = number
    self.domainClass = domainClass
    self.name = name
  }
}

/// Whether a member takes part in its pool.
public enum PoolMemberState: UInt8, Sendable, CaseIterable {
  /// Registered; its object is about to be made.
  case joining = 1
  case joined = 2
  /// Taken over or evicted: its object stays, and it never publishes again.
  case ended = 3
}

/// What a member agreed to when it was registered.
public enum PoolMemberKind: UInt8, Sendable, CaseIterable {
  case lasting = 1
  /// It ends a day after its last contact.
  case ephemeral = 2
}

/// A member as the head lists it.
///
///     number u16   state u8   kind u8   id[16]   label (byte count u16, UTF-8)
///
/// States: 1 joining, 2 joined, 3 ended. Kinds: 1 lasting, 2 ephemeral.
public struct PoolMemberListing: Hashable, Sendable {
  static let byteCountMin = 22
  public static let labelByteCountMax: UInt16 = 200

  public var number: PoolMemberNumber
  public var state: PoolMemberState
  public var kind: PoolMemberKind
  public var id: PoolMemberID
  /// What people call it.
  public var label: String

  public init(
    number: PoolMemberNumber, state: PoolMemberState = .joined, kind: PoolMemberKind = .lasting,
    id: PoolMemberID, label: String
  ) {
    self.number = number
    self.state = state
    self.kind = kind
    self.id = id
    self.label = label
  }
}

/// Segment ids that a member took from the head. None is taken twice.
///
///     first u32   count u32   member u16        10 bytes
@frozen
public struct PoolSegmentBlock: Hashable, Sendable {
  static let byteCount = 10
  /// As many as a member takes at a time.
  public static let countStandard: UInt32 = 1024

  public var run: PoolSegmentRun
  public var member: PoolMemberNumber

  public init(_ run: PoolSegmentRun, member: PoolMemberNumber) {
    self.run = run
    self.member = member
  }
}

/// Who writes a branch of a pool.
///
///     id u64   member u16   name (byte count u16, UTF-8)
public struct PoolBranch: Hashable, Sendable {
  static let byteCountMin = 12

  /// Of the pool, not of any store.
  public var id: BranchID
  public var member: PoolMemberNumber
  public var name: String

  public init(id: BranchID, member: PoolMemberNumber, name: String) {
    self.id = id
    self.member = member
    self.name = name
  }
}

extension ByteReader {
  mutating func poolDomain() throws(FormatError) -> PoolDomain {
    let number = DomainID(try integer())
    let code: UInt16 = try integer()
    let flags: UInt16 = try integer()
    guard flags == 0 else { throw .unknownFlags(what: "pool's domain", bits: UInt64(flags)) }
    guard let domainClass = DomainClass(rawValue: code) else {
      throw .unsupported(what: "class of a trust domain", found: UInt64(code))
    }
    return PoolDomain(
      number, domainClass, name: try text("domain's name", atMost: PoolDomain.nameByteCountMax))
  }

  mutating func poolMemberListing() throws(FormatError) -> PoolMemberListing {
    let number = try memberNumber()
    let state: UInt8 = try integer()
    let kind: UInt8 = try integer()
    guard let state = PoolMemberState(rawValue: state) else {
      throw .unsupported(what: "state of a pool's member", found: UInt64(state))
    }
    guard let kind = PoolMemberKind(rawValue: kind) else {
      throw .unsupported(what: "kind of a pool's member", found: UInt64(kind))
    }
    return PoolMemberListing(
      number: number, state: state, kind: kind, id: try memberID(),
      label: try text("member's label", atMost: PoolMemberListing.labelByteCountMax))
  }

  mutating func poolSegmentBlock() throws(FormatError) -> PoolSegmentBlock {
    PoolSegmentBlock(try poolSegmentRun(), member: try memberNumber())
  }

  mutating func poolBranch() throws(FormatError) -> PoolBranch {
    PoolBranch(
      id: BranchID(try integer()), member: try memberNumber(), name: try branchName())
  }
}

extension ByteWriter {
  mutating func append(_ domain: PoolDomain) {
    append(domain.number.rawValue)
    append(domain.domainClass.rawValue)
    append(UInt16(0))
    append(text: domain.name, atMost: PoolDomain.nameByteCountMax)
  }

  mutating func append(_ member: PoolMemberListing) {
    append(member.number.rawValue)
    append(member.state.rawValue)
    append(member.kind.rawValue)
    append(member.id)
    append(text: member.label, atMost: PoolMemberListing.labelByteCountMax)
  }

  mutating func append(_ block: PoolSegmentBlock) {
    append(block.run)
    append(block.member.rawValue)
  }

  mutating func append(_ branch: PoolBranch) {
    append(branch.id.rawValue)
    append(branch.member.rawValue)
    append(branchName: branch.name)
  }
}
