internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// How an entry gets more time.
public struct Renewal: Hashable, Sendable {
  public var name: String
  /// Takes the place of the end that there is; `nil`: that one begins anew.
  public var end: EntryTerms.End?
  /// Likewise.
  public var leasePeriod: Duration?

  public init(name: String, end: EntryTerms.End? = nil, leasePeriod: Duration? = nil) {
    self.name = name
    self.end = end
    self.leasePeriod = leasePeriod
  }
}

/// What changes the terms of branches and snapshots. Each call changes all of its entries or none,
/// in one transaction, and is durable on return; it goes on when the disk is full.
extension Store {
  /// Gives entries more time, and makes those live again that expired.
  ///
  /// An end that was given as a lifetime is that long from now on again, and a lease its period. An
  /// end that was given as a time stays, but not where it is past: without `end` that is `invalid`.
  ///
  /// Throws `notFound`, `invalid` as for `EntryTerms`.
  public func renew(_ renewals: [Renewal]) throws(StoreError) {
    let now = engine.clock.wallNanoseconds()
    var asked: [BranchID: Renewal] = [:]
    for renewal in renewals { asked[try engineBranch(renewal.name).id] = renewal }
    let isBack = try change(renewals.map(\.name)) { entry throws(StoreError) in
      let renewal = asked[entry.id]
      return try entry.renewal(renewal?.end, renewal?.leasePeriod, at: now)
    }
    if isBack { watchers.tell(.added) }
  }

  /// Keeps entries from being deleted, reset or replaced, by anyone, until then; `nil`: for ever.
  /// Throws `notFound`, `invalid` as for `EntryTerms.End`.
  /// - Parameter reason: 1 to 255 bytes, which whoever is refused gets to read; `nil`: none.
  public func protect(
    _ names: [String], until end: EntryTerms.End? = nil, reason: String? = nil
  ) throws(StoreError) {
    let now = engine.clock.wallNanoseconds()
    let until = try end.map { end throws(StoreError) in
      try end.time(from: now, of: names.first ?? "")
    }
    let value = EntryField.value(ofTime: until ?? .max)
    let reason = try reason.map { reason throws(StoreError) in
      try Labels.value(ofText: reason, "the reason of a protection", names.first ?? "")
    }
    _ = try change(names) { _ in
      [FieldChange(.protected, value), FieldChange(.protectionReason, reason)]
    }
  }

  /// Takes the protection away. Throws `notFound`.
  public func unprotect(_ names: [String]) throws(StoreError) {
    _ = try change(names) { _ in
      [FieldChange(.protected, nil), FieldChange(.protectionReason, nil)]
    }
  }

  /// Adds labels, in the place of those with the same keys, and removes others.
  /// Throws `notFound`, `invalid` by the rules of `Labels`.
  public func label(
    _ names: [String], _ added: Labels, removing removed: [String] = []
  ) throws(StoreError) {
    _ = try change(names) { entry throws(StoreError) in
      var labels = entry.labels
      for key in removed { labels[key] = nil }
      labels.merge(added)
      return [FieldChange(.labels, labels.isEmpty ? nil : try labels.value(entry.name))]
    }
  }

  /// Gives entries to someone, or with `nil` to nobody. Throws `notFound`, `invalid`.
  public func setOwner(_ names: [String], to owner: String?) throws(StoreError) {
    let value = try owner.map { owner throws(StoreError) in
      try Labels.value(ofText: owner, "an owner", names.first ?? "")
    }
    _ = try change(names) { _ in [FieldChange(.owner, value)] }
  }

  /// Stops branches and hides them, and snapshots: nobody writes to them any more, mounts do not
  /// show them, and their content and names stay as they are. `renew` brings each back. One that
  /// has expired stays as it is.
  ///
  /// Throws `notFound`, `denied` for what is protected or approved, `inUse` while files are open.
  /// - Parameters:
  ///   - force: also while files are open, which are stale then.
  ///   - principal: who asks, which a proof of the end tells; `nil`: that is not known.
  ///   - isDryRun: changes nothing, and throws what it would.
  public func expire(
    _ names: [String], force: Bool = false, by principal: String? = nil, isDryRun: Bool = false
  ) throws(StoreError) {
    var targets: [EngineBranch] = []
    for name in names { targets.append(try engineBranch(name)) }
    let open = try checkUnused(targets, force: force)
    let now = engine.clock.wallNanoseconds()
    func check(_ entry: BranchEntry) throws(StoreError) {
      try entry.checkUnprotected(at: now)
      try entry.checkNotApproved()
    }
    if isDryRun {
      for target in targets { try engine.branches.entry(target.id).map(check) }
      return
    }
    let value = EntryField.value(ofTime: now)
    try engine.branches.annotate(targets) { entry throws(StoreError) in
      try check(entry)
      guard entry.annotations.expiredSince == nil else { return [] }
      let ending = Ending(.expire, group: entry.id, by: principal)
      return [FieldChange(.expired, value), FieldChange(.ending, ending.value)]
    }
    for tree in open { tree.core.replace {} }
    watchers.tell(.removed)
  }

  /// Returns whether one of them had expired.
  private func change(
    _ names: [String], _ changes: (BranchEntry) throws(StoreError) -> [FieldChange]
  ) throws(StoreError) -> Bool {
    var targets: [EngineBranch] = []
    for name in names { targets.append(try engineBranch(name)) }
    var hadExpired = false
    try engine.branches.annotate(targets) { entry throws(StoreError) in
      if entry.annotations.expiredSince != nil { hadExpired = true }
      return try changes(entry)
    }
    return hadExpired
  }
}

extension BranchEntry {
  /// Without those that cannot be read.
  var labels: Labels { Labels(annotations[.labels].flatMap(EntryField.labels) ?? []) }

  /// What gives an entry more time.
  func renewal(
    _ end: EntryTerms.End?, _ leasePeriod: Duration?, at now: Int64
  ) throws(StoreError) -> [FieldChange] {
    var changes: [FieldChange] = []
    if annotations.expiredSince != nil {
      changes += [FieldChange(.expired, nil), FieldChange(.ending, nil)]
    }
    if let end {
      changes.append(FieldChange(.expiry, try EntryTerms.value(of: end, name, at: now)))
    } else if let known = annotations[.expiry].flatMap(EntryField.timeAndSpan) {
      if known.span > 0 {
        let time = try EntryTerms.time(now, plus: known.span, name)
        let value = EntryField.value(ofTime: time, every: known.span)
        changes.append(FieldChange(.expiry, value))
      } else if known.time <= now {
        throw StoreError(
          .invalid, "ended at \(Timestamp(nanoseconds: known.time)), and no lifetime is known",
          object: name, remedy: "name a lifetime, or a time to come")
      }
    }
    if let leasePeriod {
      changes.append(
        FieldChange(.lease, try EntryTerms.value(ofLease: leasePeriod, name, at: now)))
    } else if let lease = annotations[.lease].flatMap(EntryField.timeAndSpan), lease.span > 0 {
      let until = try EntryTerms.time(now, plus: lease.span, name)
      changes.append(FieldChange(.lease, EntryField.value(ofTime: until, every: lease.span)))
    }
    return changes
  }
}
