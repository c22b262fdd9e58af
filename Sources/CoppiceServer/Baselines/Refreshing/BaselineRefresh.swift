internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Logging

/// One refresh of a baseline: its content is brought into a part, verified, prepared, and becomes
/// an approved snapshot.
struct BaselineRefresh {
  let baseline: Baseline
  let asked: BaselineRefresher.Asked
  let refresher: BaselineRefresher
  let supervisor: InstanceSupervisor
  var run: BaselineRun

  private var store: Store { refresher.store }
  var isWanted: @Sendable () -> Bool {
    let work = asked.work
    return { !work.isCancelled }
  }

  /// Makes the part of a refresh, and takes it away again, whatever comes of it.
  mutating func carryOut() throws(StoreError) {
    let source = try BaselineSource(baseline.source)
    try begin("check")
    try refuseUse()
    let part = refresher.newPartName(baseline.name, "refresh")
    defer { refresher.deletePart(part) }
    do throws(StoreError) {
      try carryOut(from: source, on: part)
    } catch {
      throw named(error, part)
    }
  }

  private mutating func carryOut(
    from source: BaselineSource, on part: String
  ) throws(StoreError) {
    let intake = BaselineIntake(refresh: self, source: source, part: part)
    try intake.check()
    try begin("transfer")
    let brought = try intake.bring()
    run.byteCount = brought.byteCount
    run.storedByteCount = brought.storedByteCount
    try asked.work.check()
    try begin("verify")
    let mounts = refresher.doors.mounts.map(\.directory)
    try ForkPlan(of: try store.tree(part), as: part, mounts: mounts).refuseOutwardLinks()
    let isVerified = try supervisor.verifyBackup(part, while: isWanted)
    // As it came, before it is prepared: the next transfer compares with it.
    let raw = refresher.newPartName(baseline.name, "raw")
    try store.createBranch(raw, from: part, annotations: intake.mark)
    defer { refresher.deletePart(raw) }
    let prepared = try prepare(part)
    try begin("approve")
    if source != .branch(baseline.name) { try makeWorkBranch(of: raw) }
    try approve(part, prepared, isVerified: isVerified)
  }

  /// What is said of the part is said of the baseline.
  private func named(_ error: StoreError, _ part: String) -> StoreError {
    var named = BaselineRefresher.named(error, part, as: baseline.name)
    guard named.object != error.object else { return error }
    switch error.kind {
    case .notFound, .conflict:
      named.remedy = "see that \(baseline.source) is one data directory of PostgreSQL"
    // Its log is gone with it.
    case .unavailable:
      named.remedy = "refresh it again; if it fails again, correct it in the origin"
    default: break
    }
    return named
  }

  /// From here on the baseline tells that it is at this step, also after a crash.
  private mutating func begin(_ step: String) throws(StoreError) {
    run.step = step
    asked.work.tell?(.step(StepProgress(step: step)))
    try BaselineRegistry(store).note(run, of: baseline.name)
    refresher.logger.info("refresh of \(baseline.name): \(step)")
  }

  /// Whoever works in the work branch would lose what he has there.
  private func refuseUse() throws(StoreError) {
    guard try hasWorkBranch() else { return }
    try BranchUse.refuse([baseline.name], context)
  }

  private func hasWorkBranch() throws(StoreError) -> Bool {
    try store.entries(in: .named).contains { $0.name.hasBytes(of: baseline.name) }
  }

  private var context: RequestContext {
    RequestContext(
      store: store, work: asked.work, files: asked.files, doors: refresher.doors,
      principal: asked.principal, instances: refresher.instances)
  }

  /// The work branch becomes what was brought in.
  private func makeWorkBranch(of raw: String) throws(StoreError) {
    guard try hasWorkBranch() else {
      try store.createBranch(
        baseline.name, from: raw, terms: EntryTerms(owner: asked.principal.knownName))
      return
    }
    do throws(StoreError) { try store.reset(baseline.name, to: raw) } catch {
      guard error.kind == .inUse else { throw error }
      // It only spares the next transfer what did not change.
      refresher.logger.warning("\(baseline.name) stays as it is: \(error.message)")
    }
  }

  private mutating func prepare(_ part: String) throws(StoreError) -> PreparedCluster {
    try begin("prepare")
    let wanted = baseline.preparation ?? BaselinePreparation()
    let options = try PreparationOptions(wanted)
    return try supervisor.prepare(part, options, while: isWanted) { step throws(StoreError) in
      try begin("prepare: \(step)")
    }
  }

  private mutating func approve(
    _ part: String, _ prepared: PreparedCluster, isVerified: Bool
  ) throws(StoreError) {
    let registry = BaselineRegistry(store)
    let name = try refresher.freeName(
      "\(baseline.name)@\(Self.stamp(run.startedNanoseconds))", "-")
    // Until it is approved it is a part, and goes with a crash.
    try refresher.createSnapshot(
      name, of: part, for: baseline.name, asked,
      annotations: [BaselineRegistry.part(of: baseline.name)])
    do throws(StoreError) {
      let entry = try store.entry(name)
      let rootHash = try store.sealedRootHash(of: name)
      run.snapshot = name
      run.outcome = baseline.needsAttestation ? .made : .approved
      run.endedNanoseconds = registry.now
      let approval = Approval(
        nanoseconds: registry.now,
        by: asked.principal.knownName ?? asked.principal.role.rawValue, rootHash: rootHash,
        attestation: nil, preparation: Approval.Preparation(prepared, baseline, isVerified))
      try registry.note(run, of: baseline.name, approving: entry, approval)
    } catch {
      refresher.deletePart(name)
      throw error
    }
    for note in try registry.prune(baseline.name, context).notes {
      refresher.logger.warning("\(note)")
    }
  }

  /// `2026-11-23T0300Z`, with seconds where there are some.
  private static func stamp(_ nanoseconds: Int64) -> String {
    let text = Timestamp(nanoseconds: nanoseconds).description
    return String(text.prefix(19).filter { $0 != ":" }) + "Z"
  }
}

extension Baseline {
  /// Whether its class is a lower one than its source's: then each approval is somebody's word.
  var needsAttestation: Bool {
    guard let own = DataClass(rawValue: dataClass), let source = DataClass(rawValue: sourceClass)
    else { return true }
    return own.isLower(than: source)
  }
}

extension PreparationOptions {
  init(_ wanted: BaselinePreparation) throws(StoreError) {
    self.init()
    guard let freezing = PreparationStatements.Freezing(rawValue: wanted.freezing) else {
      throw StoreError(
        .invalid, "there is no such way to freeze", object: wanted.freezing,
        remedy: "write auto, all or none")
    }
    let acceptable = ClusterFinding.Code.allCases.filter(\.isAcceptable).map(\.rawValue)
    for code in wanted.accepted where !acceptable.contains(code) {
      throw StoreError(
        .invalid, "is no finding that can be accepted", object: code,
        remedy: "write one of \(acceptable.joined(separator: ", "))")
    }
    self.freezing = freezing
    statements = wanted.statements.map { Statements(database: $0.database, text: $0.text) }
    acceptsOtherCollations = wanted.accepted.contains("COLLATION-VERSION")
    acceptsMissingExtensions = wanted.accepted.contains("EXTENSION-MISSING")
  }
}

extension Approval.Preparation {
  fileprivate init(_ prepared: PreparedCluster, _ baseline: Baseline, _ isVerified: Bool) {
    let statements = baseline.preparation?.statements ?? []
    self.init(
      major: prepared.major, systemIdentifier: prepared.systemIdentifier,
      timeline: prepared.timeline, checkpoint: prepared.checkpoint, isVerified: isVerified,
      accepted: baseline.preparation?.accepted ?? [],
      statementsHash: statements.isEmpty
        ? nil : SHA256Digest.hexadecimal(of: statements.flatMap { Array($0.text.utf8) }))
  }
}
