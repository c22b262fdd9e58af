internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

/// An entry that whoever asks may make a branch of.
struct GrantedSource {
  /// As it is called: what stood for the newest snapshot of a baseline is that one.
  var name: String
  /// How long the branch lives where nobody said; `nil`: it has no end.
  var ttlSeconds: UInt64?
  /// Of an approved snapshot: its baseline.
  var baseline: String?

  /// Whether a branch with these annotations came from the same baseline.
  func isOrigin(of annotations: [AnnotationTag: [UInt8]]) -> Bool {
    guard let baseline, let value = annotations[.origin],
      let origin = BaselineSnapshots.origin(value)
    else { return false }
    return origin.baseline.hasBytes(of: baseline)
  }

  /// That a branch which is there came by another snapshot of the baseline; `nil` where it did not.
  func note(ofBranch name: String, with annotations: [AnnotationTag: [UInt8]]) -> String? {
    guard isOrigin(of: annotations), let value = annotations[.origin],
      let origin = BaselineSnapshots.origin(value), !origin.snapshot.hasBytes(of: self.name)
    else { return nil }
    return "it comes by \(origin.snapshot), and stays so: "
      + "`coppice branch reset \(name) --to \(self.name)` gives it the other's state"
  }
}

extension RequestContext {
  /// What whoever asks gets under this name, to make a branch of it.
  ///
  /// Throws `notFound`, and `denied` with the rule and what is allowed instead.
  /// - Parameter ttlSeconds: how long the branch shall live; `nil` where nobody said.
  func source(
    _ name: String, ttlSeconds: UInt64? = nil
  ) throws(StoreError) -> GrantedSource {
    // No rule binds him: there is nothing else to look at.
    guard principal.role != .administrator else { return try granted(name, ttlSeconds) }
    let wish = BranchingWish(source: name, ttlSeconds: ttlSeconds)
    let grant = try BranchSources(store).grant(wish, to: principal)
    return try granted(grant.source.name, grant.ttlSeconds)
  }

  private func granted(
    _ name: String, _ ttlSeconds: UInt64?
  ) throws(StoreError) -> GrantedSource {
    let name = try store.entry(name).name
    let isApproved = try store.annotations(of: name)[.approval] != nil
    return GrantedSource(
      name: name, ttlSeconds: ttlSeconds,
      baseline: isApproved ? BaselineSnapshots.branch(of: name) : nil)
  }
}

extension BranchSources {
  /// What there is in a store. Throws `corrupt` for a baseline that cannot be read.
  init(_ store: Store) throws(StoreError) {
    let registry = BaselineRegistry(store)
    let approved = Set(try store.entries(carrying: .approval).map(\.entry.id))
    let origins = Dictionary(
      try store.entries(carrying: .origin, in: .named).map { ($0.entry.id, $0.value) },
      uniquingKeysWith: { first, _ in first })
    let entries = try store.entries(in: .named).map { entry in
      BranchSource(
        name: entry.name, id: entry.id, dataClass: entry.domain.dataClass.rawValue,
        owner: entry.owner, isExpired: entry.state == .expired,
        createdNanoseconds: entry.createdAt.nanoseconds, isApproved: approved.contains(entry.id),
        baseline: origins[entry.id].flatMap(BaselineSnapshots.origin)?.baseline)
    }
    self.init(entries: entries, baselines: try registry.all(), now: registry.now)
  }
}
