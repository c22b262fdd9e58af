package import Coppice
package import CoppiceLifecycle
internal import CoppicePlatform

package struct ProofKeyRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/proofs/key", "The public key that proofs are verified with.")

  /// Make a new key first.
  package var rotate: Bool

  package init(rotate: Bool) { self.rotate = rotate }

  /// The first time makes a key.
  package var isReadOnly: Bool { false }

  package var access: Access {
    let access = Access(.proofs, .store)
    return rotate ? access.and(.govern, .store) : access
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let keys = ProofKeys(context.store)
    let signing = rotate ? try keys.rotate() : try keys.signing()
    let key = signing.key.publicKey
    return Answer(
      keyID: key.id, publicKey: key.pem, isNew: signing.isNew, note: signing.note,
      earlier: keys.publicKeys.filter { $0 != key }.map {
        Answer.Key(keyID: $0.id, publicKey: $0.pem)
      })
  }

  package struct Answer: Codable, Sendable {
    package struct Key: Codable, Sendable {
      package var keyID: String
      package var publicKey: String
    }

    package var keyID: String
    /// In PEM.
    package var publicKey: String
    /// Whether it was made just now.
    package var isNew: Bool
    /// What is to be known of it: that the key before was lost.
    package var note: String?
    /// Those of the keys before it.
    package var earlier: [Key]

    /// With an earlier key in the place of today's; `nil` for one that there never was.
    package func ofEarlier(_ id: String) -> Answer? {
      guard let key = earlier.first(where: { $0.keyID == id }) else { return nil }
      return Answer(
        keyID: key.keyID, publicKey: key.publicKey, isNew: false, note: note,
        earlier: earlier.filter { $0.keyID != id })
    }
  }
}

package struct ProofListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/proofs", "List the proofs that the store keeps.")

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.proofs, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let kept = try KeptProofs(context.store).keys()
    // Those that are owed are made when somebody asks for them.
    let keys = Set(kept).union(OwedProofs(context.store).keys()).sorted()
    return Answer(
      proofs: keys.map {
        Answer.Proof(name: $0.name, id: $0.id, deletedAt: $0.deletedAt, endedBy: $0.cause)
      })
  }

  package struct Answer: Codable, Sendable {
    package struct Proof: Codable, Sendable {
      /// The branch's.
      package var name: String
      package var id: UInt64
      /// In whole seconds.
      package var deletedAt: Timestamp
      /// Of what it ended by itself; null when somebody deleted it.
      package var endedBy: EntryEnding.Cause?
    }

    /// Oldest first.
    package var proofs: [Proof]
  }
}

package struct ProofGetRequest: StoreRequest {
  package typealias Answer = Envelope

  package static let route = Route(
    .post, "/v1/proofs/{name}", "The proof of a branch's deletion, by what is so now.")

  /// The branch's.
  package var name: String
  /// Its number, where there were several of that name, or is one. Without: that of the last
  /// deletion.
  package var id: UInt64?

  package init(name: String, id: UInt64?) {
    self.name = name
    self.id = id
  }

  /// One that said that something was left is made anew.
  package var isReadOnly: Bool { false }

  package var access: Access { Access(.proofs, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    try OwedProofs(store).make { $0.name.hasBytes(of: name) }
    let kept = KeptProofs(store)
    var key = try kept.key(of: name, id: id)
    if id == nil, let last = try lastID(store), last != key.id {
      do throws(StoreError) { key = try kept.key(of: name, id: last) } catch {
        guard error.kind == .notFound else { throw error }
        throw StoreError(
          .notFound, "no proof is kept of the last deletion of that name, branch number \(last)",
          object: name, remedy: Self.remedy)
      }
    }
    return try DeletionProof.renew(key, in: store)
  }

  /// The number of the branch of that name whose deletion was the last; `nil` where the store
  /// remembers none any more.
  ///
  /// Throws `conflict` while there is a branch of that name, and where it cannot be told which was
  /// the last: the proof of another one would be taken for its.
  private func lastID(_ store: Store) throws(StoreError) -> UInt64? {
    if let entry = try store.entries(in: .named).first(where: { $0.name.hasBytes(of: name) }) {
      throw unclear("exists, as branch number \(entry.id): what is kept is of others", .exists)
    }
    let deleted: [ReclaimVerification.Entry]
    do throws(StoreError) { deleted = try store.verifyReclaim(of: name).entries } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
    guard let last = deleted.last else { return nil }
    guard deleted.allSatisfy({ $0.id <= last.id }) else {
      let numbers = deleted.map { "\($0.id)" }.joined(separator: ", ")
      throw unclear("is what several deleted branches were called, numbers \(numbers)")
    }
    return last.id
  }

  private func unclear(_ message: String, _ reason: StoreError.Reason? = nil) -> StoreError {
    StoreError(.conflict, message, object: name, remedy: Self.remedy, reason: reason)
  }

  private static let remedy: Remedy =
    "say which with --id; `coppice proof list` has the numbers of those that are kept"
}
