package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct BaselineApproveRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/baselines/approvals", "Allow to make branches of a snapshot of a baseline.")

  /// `baseline@snapshot`.
  package var name: String
  /// With what somebody attests of what class the content is.
  package var attestation: ClientFile?

  package init(name: String, attestation: ClientFile?) {
    self.name = name
    self.attestation = attestation
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.keepBaseline, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let registry = BaselineRegistry(store)
    let entry = try store.entry(name)
    let baseline = BaselineSnapshots.branch(of: entry.name)
    try check(entry, try registry.find(baseline)?.baseline, registry)
    let digest = try attestation.map { file throws(StoreError) in
      try FileDigest.read(file, context)
    }
    let rootHash = try store.sealedRootHash(of: entry.name)
    let now = registry.now
    let (approval, isNew) = try registry.change(baseline) { kept throws(StoreError) in
      try check(entry, kept, registry)
      // Looked at again: retiring, and another approval, may have been quicker.
      let known = try store.annotations(of: entry.name)[.approval]
      if digest == nil, let known {
        return (kept, [], (try BaselineSnapshots.read(Approval.self, known, of: entry), false))
      }
      try checkClass(of: kept, isAttested: digest != nil)
      let approval = Approval(
        nanoseconds: now, by: context.principal.knownName ?? context.principal.role.rawValue,
        rootHash: rootHash, attestation: digest)
      var changed = kept
      changed.revision += 1
      let changes = BaselineRegistry.approving(entry, of: kept.name, approval)
      return (changed, [(entry.name, changes)], (approval, known == nil))
    }
    let pruning = try registry.prune(baseline, context)
    return Answer(
      ApprovalAnswer(entry, approval),
      Answer.Addition(
        baseline: baseline, isNew: isNew, pruned: pruning.deleted, notes: pruning.notes))
  }

  /// Whether the entry is a snapshot of the baseline, and that takes approvals.
  private func check(
    _ entry: EntryInfo, _ baseline: Baseline?, _ registry: BaselineRegistry
  ) throws(StoreError) {
    guard let baseline else {
      let names = try registry.all().filter { !$0.isRetired }.map(\.name)
      let branch = BaselineSnapshots.branch(of: entry.name)
      throw StoreError(
        .invalid,
        entry.isSnapshot ? "is not a snapshot of a baseline" : "is not a baseline, and a branch",
        object: name,
        remedy: names.isEmpty
          ? "add a baseline: coppice baseline add \(branch) --from branch:\(branch)"
          : "approve a snapshot of \(names.joined(separator: ", "))")
    }
    guard entry.isSnapshot else {
      throw StoreError(
        .invalid, "is a branch: others may change it", object: name,
        remedy:
          "make a snapshot of it with `coppice snapshot create \(name)@NAME`, and approve that")
    }
    guard !baseline.isRetired else {
      throw StoreError(
        .denied, "the baseline is retired", object: baseline.name,
        remedy: "add another one: coppice baseline add NAME --from branch:\(baseline.name)",
        reason: .policy)
    }
    guard entry.domain.description.hasBytes(of: baseline.domain),
      entry.domain.dataClass.rawValue == baseline.dataClass
    else {
      throw StoreError(
        .denied,
        "is in the trust domain \(entry.domain), of class \(entry.domain.dataClass.rawValue), and "
          + "the baseline in \(baseline.domain), of class \(baseline.dataClass)",
        object: name, remedy: "approve a snapshot of the branch that the baseline was added with",
        reason: .policy)
    }
  }

  /// A class that is lower than that of where the content came from is somebody's word.
  private func checkClass(of baseline: Baseline, isAttested: Bool) throws(StoreError) {
    guard !isAttested, let own = DataClass(rawValue: baseline.dataClass),
      let source = DataClass(rawValue: baseline.sourceClass), own.isLower(than: source)
    else { return }
    throw StoreError(
      .denied,
      "its class is \(own.rawValue), and its source's \(source.rawValue): nobody said that the "
        + "content is what it is called", object: name,
      remedy: "name a file that says so, which is kept by its hash: --attest FILE",
      reason: .policy)
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var baseline: String
      /// Whether it was not approved before.
      package var isNew: Bool
      /// Approved snapshots that the baseline's keep rules let go, and that were deleted.
      package var pruned: [String]
      /// Why others that they let go are still there, one sentence each.
      package var notes: [String]
    }

    package var report: ApprovalAnswer
    package var addition: Addition

    package init(_ report: ApprovalAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

extension DataClass {
  /// Whether fewer people are concerned by what it holds: the order is that of the cases.
  func isLower(than other: DataClass) -> Bool {
    let order = DataClass.allCases
    guard let own = order.firstIndex(of: self), let bound = order.firstIndex(of: other) else {
      preconditionFailure("every class is a case")
    }
    return own > bound
  }
}
