internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// A branch that was asked for by its name, whether it was there or not.
public struct ObtainedBranch: Sendable {
  public var branch: Branch
  /// Whether it was made.
  public var isNew: Bool
  /// Whether it was there, and had expired.
  public var wasExpired: Bool

  public init(branch: Branch, isNew: Bool, wasExpired: Bool) {
    self.branch = branch
    self.isNew = isNew
    self.wasExpired = wasExpired
  }
}

extension Store {
  /// The branch of that name: made as `createBranch` does, or, if there is one from the same
  /// source, that one, renewed. Whoever asks at once gets the same branch, and one of them is told
  /// that it is new.
  ///
  /// Of a branch that is there the owner and the labels stay.
  ///
  /// Throws `conflict` for a branch that was made from something else, or lies in another domain,
  /// and as `createBranch` and `renew`.
  /// - Parameters:
  ///   - isResetting: a branch that is there gets the state of `source`, in the same transaction;
  ///     as `reset`.
  ///   - force: also while files of it are open.
  ///   - isSameOrigin: asked about what is there and was not made from `source`: whether that is as
  ///     good. Must not use the store.
  public func obtainBranch(
    _ name: String, from source: String? = nil, domain: String? = nil,
    terms: EntryTerms = EntryTerms(), annotations: [AnnotationChange] = [],
    isResetting: Bool = false, force: Bool = false,
    isSameOrigin: ([AnnotationTag: [UInt8]]) -> Bool = { _ in false }
  ) throws(StoreError) -> ObtainedBranch {
    while true {
      if let known = try knownBranch(name) {
        let resetSource = isResetting ? source : nil
        if let renewed = try renew(
          known, name, from: source, domain, terms, resettingTo: resetSource, force: force,
          isSameOrigin)
        {
          return renewed
        }
        continue
      }
      do throws(StoreError) {
        let branch = try createBranch(
          name, from: source, domain: domain, terms: terms, annotations: annotations)
        return ObtainedBranch(branch: branch, isNew: true, wasExpired: false)
      } catch {
        // Another one may have been quicker.
        guard error.reason == .exists, try knownBranch(name) != nil else { throw error }
      }
    }
  }

  private func knownBranch(_ name: String) throws(StoreError) -> EngineBranch? {
    try EntryName.validate(branch: name)
    do throws(StoreError) { return try engine.branches.named(name) } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }

  /// `nil` when it is gone meanwhile.
  private func renew(
    _ known: EngineBranch, _ name: String, from source: String?, _ domain: String?,
    _ terms: EntryTerms, resettingTo resetSource: String?, force: Bool,
    _ isSameOrigin: ([AnnotationTag: [UInt8]]) -> Bool
  ) throws(StoreError) -> ObtainedBranch? {
    if let domain, !knownDomain(known.domain).description.hasBytes(of: domain) {
      throw StoreError(
        .conflict, "exists in the trust domain \(knownDomain(known.domain))", object: name,
        remedy: "choose another name, or leave the domain out", reason: .exists)
    }
    let sourceID = try source.map { source throws(StoreError) in try engineBranch(source).id }
    let now = engine.clock.wallNanoseconds()
    var wasExpired = false
    func changes(_ entry: BranchEntry) throws(StoreError) -> [FieldChange] {
      let fields = Dictionary(
        uniqueKeysWithValues: entry.annotations.all.map { (AnnotationTag($0.tag), $0.value) })
      guard entry.parent == sourceID ?? BranchID(0) || isSameOrigin(fields) else {
        throw StoreError(
          .conflict, "exists, and was made from something else", object: name,
          remedy: "choose another name, or delete that one first", reason: .exists)
      }
      wasExpired = entry.annotations.expiredSince != nil
      return try entry.renewal(terms.end, terms.leasePeriod, at: now)
    }
    do throws(StoreError) {
      if let resetSource {
        let origin = try engineBranch(resetSource)
        try reset(known, to: origin, force: force) { () throws(StoreError) in
          try engine.branches.reset(known, to: origin, keepingOldAs: nil, annotations: changes)
        }
      } else {
        try engine.branches.annotate([known], changes)
      }
    } catch {
      guard error.kind == .notFound, known.isDeleted else { throw error }
      return nil
    }
    if wasExpired { watchers.tell(.added) }
    return ObtainedBranch(branch: try branch(name), isNew: false, wasExpired: wasExpired)
  }
}
