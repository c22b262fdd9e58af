package import CoppiceErrors
package import CoppiceFormat
package import CoppicePlatform

/// Where a pool lies, and what a store needs to deal with it.
package struct PoolSite: Sendable {
  let store: any ObjectStore
  let place: String
  let outer: OuterKey
  let disk: any Disk
  let folder: String
  let patience: Patience
  let random: RandomSource
  let keepsNotes: Bool

  /// - Parameters:
  ///   - store: the objects under the pool's prefix.
  ///   - place: `BUCKET/PREFIX`, as the head has it.
  ///   - outer: what opens the pool.
  ///   - disk: the store's own; what must not be forgotten of the pool is noted there.
  ///   - folder: of that disk, for the notes of this pool alone; it exists.
  ///   - keepsNotes: false for a reader beside somebody who writes there: it heeds what was noted,
  ///     notes nothing, and must not change anything.
  package init(
    store: any ObjectStore, place: String, outer: OuterKey, disk: any Disk, folder: String,
    patience: Patience, random: RandomSource, keepsNotes: Bool = true
  ) {
    self.store = store
    self.place = place
    self.outer = outer
    self.disk = disk
    self.folder = folder
    self.patience = patience
    self.random = random
    self.keepsNotes = keepsNotes
  }
}

/// What every store of a family and every pool of theirs have in common.
package struct PoolFamily: Hashable, Sendable {
  package let pageShift: UInt8
  package let secret: [UInt8]

  /// - Precondition: as for `PoolHead`.
  package init(pageShift: UInt8, secret: [UInt8]) {
    self.pageShift = pageShift
    self.secret = secret
  }
}

/// A store's access to one pool: reads of what others may change, and changes.
///
/// One thread uses it at a time, and one process its notes. Every object that it returns is at
/// least as new as any that the store saw before, in earlier processes too.
package struct PoolAccess: Sendable {
  let site: PoolSite
  var file: NotesFile
  var opener: PoolOpener

  var notes: PoolNotes { file.notes }
  var store: any ObjectStore { site.store }
  var random: RandomSource { site.random }

  init(_ site: PoolSite) throws(StoreError) {
    self.site = site
    file = try NotesFile(
      of: site.outer.pool, on: site.disk, in: site.folder, isKept: site.keepsNotes,
      using: site.random)
    opener = PoolOpener(outer: site.outer, isKnown: file.notes[.head].sequence > 0)
  }

  /// Opens a pool by its key.
  ///
  /// Throws `notFound` where there is none, `denied` for another key, `conflict` for another pool
  /// than the one that lay there, `unsupportedFormat`, `corrupt`; `unavailable` with the reason
  /// `unreachable` or `oldObject`.
  package static func open(_ site: PoolSite) throws(StoreError) -> PoolAccess {
    try opening(site).access
  }

  /// As `open`, with the head that it read: one request.
  package static func opening(
    _ site: PoolSite
  ) throws(StoreError) -> (access: PoolAccess, head: PoolHead) {
    var access = try PoolAccess(site)
    var waiting = Patience.Waiting(site.patience, atMost: site.patience.beginning)
    guard let found = try access.find(.head, as: HeadObject.self, &waiting) else {
      throw access.missing
    }
    return (access, found.object.head)
  }

  /// From here on it only reads, and notes nothing any more: another access may be opened.
  package mutating func detach() { file.isKept = false }

  /// The pool's head.
  package mutating func head() throws(StoreError) -> PoolHead { try headObject().head }

  mutating func headObject() throws(StoreError) -> HeadObject {
    guard let found = try read(.head, as: HeadObject.self) else { throw missing }
    return found
  }

  private var missing: StoreError {
    StoreError(.notFound, "there is no pool", object: site.place)
  }

  /// Throws `invalid` unless pages and hashes of that family can be the pool's.
  package mutating func require(_ family: PoolFamily) throws(StoreError) {
    try require(family, of: try head())
  }

  /// As above, with the head that was just read.
  func require(_ family: PoolFamily, of head: PoolHead) throws(StoreError) {
    try head.require(family)
  }

  /// The keys that the pool's objects are sealed under, as of the last time that the head was read.
  package var keys: PoolKeys { opener.ring }

  /// Now, by the object store's clock as far as it told it: that of this machine may have jumped.
  package var now: Int64 {
    let offset = (store.clockOffset ?? .zero).components
    let nanoseconds = offset.seconds &* 1_000_000_000 &+ offset.attoseconds / 1_000_000_000
    return site.patience.clock.wallNanoseconds().addingSaturating(nanoseconds)
  }

  func failure(_ error: ObjectStoreError, _ action: String) -> StoreError {
    StoreError(error, while: action, object: site.place)
  }
}

extension PoolHead {
  package var family: PoolFamily { PoolFamily(pageShift: pageShift, secret: secret) }

  /// Throws `invalid` unless pages and hashes of that family can be the pool's.
  package func require(_ family: PoolFamily) throws(StoreError) {
    guard pageShift == family.pageShift else {
      throw StoreError(
        .invalid, "has pages of \(1 << pageShift) bytes, not of \(1 << family.pageShift)",
        object: place, remedy: Self.otherFamilyRemedy)
    }
    guard secret == family.secret else {
      throw StoreError(
        .invalid, "is of another family of stores", object: place,
        remedy: Self.otherFamilyRemedy)
    }
  }

  private static let otherFamilyRemedy: Remedy = "\(step: .clonePool)"
}
