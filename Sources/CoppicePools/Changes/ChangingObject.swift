internal import CoppiceErrors
internal import CoppiceFormat

/// An object of a pool that changes as a whole, by conditional writes: the head, or a member's.
protocol ChangingObject: Sendable {
  var revision: PoolRevision { get set }
  /// Whether this version knows all that who changes the object must know.
  var isWritable: Bool { get }
  /// What a copy of the store would have written differently; `nil` where no store is the owner.
  var stamp: PoolStamp? { get }

  /// Throws `corrupt`, `denied`, `unsupportedFormat`.
  init(opening bytes: [UInt8], of name: PoolObjectName, by opener: PoolOpener) throws(StoreError)
  func sealed(by opener: PoolOpener, using random: RandomSource) -> [UInt8]
  /// Under which number the member's receipts are kept here.
  func number(of notes: PoolNotes) -> PoolMemberNumber
}

/// What objects of a pool are opened with.
struct PoolOpener: Sendable {
  let outer: OuterKey
  /// `nil` before the head was read.
  var keys: PoolKeys?
  /// Whether the store has seen the pool's head before.
  var isKnown: Bool

  /// - Precondition: the head was read.
  var ring: PoolKeys {
    guard let keys else { preconditionFailure("the head is read before anything else") }
    return keys
  }
}

extension HeadObject: ChangingObject {
  var revision: PoolRevision {
    get { head.revision }
    set { head.revision = newValue }
  }

  var isWritable: Bool { head.isWritable && table.extensions.criticalTags.isEmpty }
  var stamp: PoolStamp? { nil }

  init(opening bytes: [UInt8], of name: PoolObjectName, by opener: PoolOpener) throws(StoreError) {
    let pool = try Self.plain(bytes).pool
    // Before the first time it may as well be the key that is another pool's.
    guard pool == opener.outer.pool || !opener.isKnown else {
      throw StoreError(
        .conflict, "another pool lies there: \(pool) instead of \(opener.outer.pool)",
        object: name.key, remedy: "name the place where the pool lies now")
    }
    try self.init(bytes, opening: opener.outer)
  }

  func sealed(by opener: PoolOpener, using random: RandomSource) -> [UInt8] {
    var random = random
    return Self.seal(head, table, keys: keys, using: &random)
  }

  /// The head itself says who has which number.
  func number(of notes: PoolNotes) -> PoolMemberNumber {
    head.listing(of: notes.member)?.number ?? .none
  }
}

extension PoolHead {
  func listing(of member: PoolMemberID) -> PoolMemberListing? {
    members.first { $0.id == member }
  }
}

extension PoolMember: ChangingObject {
  var stamp: PoolStamp? { PoolStamp(incarnation: incarnation, changeCount: changeCount) }

  init(opening bytes: [UInt8], of name: PoolObjectName, by opener: PoolOpener) throws(StoreError) {
    guard case .member(let id) = name else { preconditionFailure("\(name) is no member") }
    self = try Self.open(bytes, of: id, keys: opener.ring)
  }

  func sealed(by opener: PoolOpener, using random: RandomSource) -> [UInt8] {
    var random = random
    return seal(keys: opener.ring, using: &random)
  }

  func number(of notes: PoolNotes) -> PoolMemberNumber { notes.number }
}
