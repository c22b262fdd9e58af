/// What a request does, and to what: from this, and from who asks, follows whether it is carried
/// out. Every request states it, made from its fields alone.
package struct Access: Hashable, Sendable {
  /// The kinds of rights.
  package enum Verb: String, Sendable, CaseIterable {
    /// Names, states, sizes and growth; no content.
    case see
    /// Files and their names.
    case content
    /// How the content of two entries differs.
    case compare
    /// Files of a branch, or all of its content.
    case change
    /// Branches, snapshots, their labels and limits.
    case create
    /// When an entry ends: renewal, expiry, deletion, and bringing it back.
    case end
    /// To keep entries from being deleted, and to allow it again.
    case protect
    /// To delete so that nothing brings it back.
    case giveUpWindow
    /// Refreshing, approving and retiring of baselines.
    case keepBaseline
    case addBaseline
    /// What leaves for other machines and comes from there.
    case pools
    /// Upkeep of the store: collections, checks, mounts, owners, the reaper.
    case run
    /// What the server and the store as a whole do and use.
    case status
    /// Policies, trust domains, tokens, repairs, and the server's end.
    case govern
    /// The log of who did what.
    case audit
    /// What tells that deleted bytes are gone.
    case proofs
  }

  /// What a right is about.
  package enum Object: Hashable, Sendable {
    /// A branch or snapshot, by its name. A snapshot is its branch's.
    case entry(String)
    /// The name of an entry that is made, or, where a request takes an existing one in its place,
    /// of that one.
    case new(String)
    /// An entry that another one is made of: whoever may branch from it may do that.
    case source(String)
    case baseline(String)
    case domain(String)
    /// All that is in the store, or what of it a request looks for, where whoever asks gets what
    /// he has the right to; and the store itself.
    case store
  }

  /// One right that is needed.
  package struct Claim: Hashable, Sendable {
    package var verb: Verb
    package var object: Object
  }

  /// All of them are needed.
  package private(set) var claims: [Claim]

  package init(_ verb: Verb, _ objects: Object...) {
    claims = objects.map { Claim(verb: verb, object: $0) }
  }

  /// Of a request that names entries, and means all when it names none.
  package init(_ verb: Verb, entries names: [String]) {
    claims = names.map { Claim(verb: verb, object: .entry($0)) }
    if names.isEmpty { claims = [Claim(verb: verb, object: .store)] }
  }

  /// With another right besides; as it is without an object.
  package func and(_ verb: Verb, _ object: Object?) -> Access {
    var access = self
    if let object { access.claims.append(Claim(verb: verb, object: object)) }
    return access
  }

  /// With what another request or part of one needs besides.
  package static func + (first: Access, second: Access) -> Access {
    var both = first
    both.claims += second.claims
    return both
  }
}
