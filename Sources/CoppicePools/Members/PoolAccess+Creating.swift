package import CoppiceErrors
internal import CoppiceFormat

extension PoolAccess {
  /// Makes a pool that a key opens, which is kept in a safe place before, with this store as a
  /// member that is about to join. May be repeated with the same key, in a later process too: a
  /// pool that an earlier attempt made is taken up, and none is made twice.
  ///
  /// - Parameters:
  ///   - keyLabel: what people call the key.
  ///   - label: what people call the store.
  ///
  /// Throws `conflict` where another pool lies, `invalid` where this one is of another family or
  /// place, and what changes throw.
  package static func create(
    _ site: PoolSite, _ family: PoolFamily, keyLabel: String, label: String
  ) throws(StoreError) -> PoolAccess {
    var access = try PoolAccess(site)
    try checkLabel(label)
    let (time, member) = (access.now, access.notes.member)
    let random = access.random
    try access.change(.head) {
      (found: HeadObject?, _) throws(StoreError) -> ChangePlan<HeadObject, Void> in
      if found != nil { return .unchanged(()) }
      var source = random
      let (table, keys) = PoolKeyTable.make(
        openedBy: site.outer, label: keyLabel, at: time, using: &source)
      var head = PoolHead(
        revision: PoolRevision(nonce: random.nonce()), pageShift: family.pageShift,
        secret: family.secret, place: site.place)
      head.members = [
        PoolMemberListing(
          number: PoolMemberNumber(1), state: .joining, id: member, label: label)
      ]
      return .write(HeadObject(head, table, keys: keys), ())
    }
    try access.require(family)
    guard try access.head().place == site.place else { throw access.otherPlace }
    return access
  }

  /// A pool that lies where its head does not say was copied there, or moved.
  var otherPlace: StoreError {
    StoreError(
      .denied, "is a copy of a pool of another place, and can only be read", object: site.place,
      remedy: "write to the pool where its head says that it lies")
  }
}
