package import Coppice
package import CoppiceLifecycle

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
    Answer(
      proofs: try KeptProofs(context.store).keys().map {
        Answer.Proof(name: $0.name, id: $0.id, deletedAt: $0.deletedAt)
      })
  }

  package struct Answer: Codable, Sendable {
    package struct Proof: Codable, Sendable {
      /// The branch's.
      package var name: String
      package var id: UInt64
      /// In whole seconds.
      package var deletedAt: Timestamp
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
  /// Its number, where there were several of that name; the last without.
  package var id: UInt64?

  package init(name: String, id: UInt64?) {
    self.name = name
    self.id = id
  }

  /// One that said that something was left is made anew.
  package var isReadOnly: Bool { false }

  package var access: Access { Access(.proofs, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let key = try KeptProofs(context.store).key(of: name, id: id)
    if id == nil { try checkLast(key, context.store) }
    return try DeletionProof.renew(key, in: context.store)
  }

  /// Throws `notFound` when a branch of the name was deleted after the one that the proof is of.
  private func checkLast(_ key: KeptProofs.Key, _ store: Store) throws(StoreError) {
    let known: ReclaimVerification
    do throws(StoreError) { known = try store.verifyReclaim(of: name) } catch {
      // The store remembers none any more.
      guard error.kind == .notFound else { throw error }
      return
    }
    guard let last = known.entries.max(by: { $0.deletedAt < $1.deletedAt }), last.id > key.id
    else { return }
    throw StoreError(
      .notFound, "no proof is kept of the last deletion of that name, branch number \(last.id)",
      object: name,
      remedy: "ask for an earlier one with --id \(key.id), or `coppice reclaim verify`")
  }
}
