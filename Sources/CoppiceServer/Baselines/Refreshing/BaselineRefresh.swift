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
    begin("check")
    let part = try refresher.freePartName(baseline.name, "refresh")
    defer { refresher.deletePart(part) }
    let intake = BaselineIntake(refresh: self, source: source, part: part)
    try intake.check()
    begin("transfer")
    let brought = try intake.bring()
    run.byteCount = brought.byteCount
    run.storedByteCount = brought.storedByteCount
    try asked.work.check()
    begin("verify")
    let mounts = refresher.doors.mounts.map(\.directory)
    try ForkPlan(of: try store.tree(part), as: part, mounts: mounts).refuseOutwardLinks()
    let isVerified = try supervisor.verifyBackup(part, while: isWanted)
    // As it came, before it is prepared: the next transfer compares with it.
    try makeWorkBranch(of: part)
    let prepared = try prepare(part)
    begin("approve")
    try approve(part, prepared, isVerified: isVerified)
  }

  private mutating func begin(_ step: String) {
    run.step = step
    asked.work.tell?(.step(StepProgress(step: step)))
    refresher.logger.info("refresh of \(baseline.name): \(step)")
  }

  /// The work branch becomes what the part is.
  private func makeWorkBranch(of part: String) throws(StoreError) {
    let name = baseline.name
    guard try store.entries(in: .named).contains(where: { $0.name.hasBytes(of: name) }) else {
      try store.createBranch(
        name, from: part, terms: EntryTerms(owner: asked.principal.knownName))
      return
    }
    try supervisor.suspending([name]) { () throws(StoreError) in
      try store.reset(name, to: part, force: true)
    }
  }

  private mutating func prepare(_ part: String) throws(StoreError) -> PreparedCluster {
    begin("prepare")
    let wanted = baseline.preparation ?? BaselinePreparation()
    let tell = asked.work.tell
    let options = try PreparationOptions(wanted)
    do throws(StoreError) {
      return try supervisor.prepare(part, options, while: isWanted) { step in
        run.step = "prepare: \(step)"
        tell?(.step(StepProgress(step: run.step)))
      }
    } catch {
      // Its log is gone with it.
      var named = error
      if named.object.hasBytes(of: part) { named.object = baseline.name }
      named.remedy = named.remedy.mapText { _ in
        "correct it in the origin, or take what is found as it is with --accept"
      }
      throw error.kind == .unavailable ? named : error
    }
  }

  private mutating func approve(
    _ part: String, _ prepared: PreparedCluster, isVerified: Bool
  ) throws(StoreError) {
    let registry = BaselineRegistry(store)
    let name = "\(baseline.name)@\(Self.stamp(run.startedNanoseconds))"
    // Until it is approved it is a part, and goes with a crash.
    try store.createSnapshot(
      name, of: part, terms: EntryTerms(owner: asked.principal.knownName),
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
    let context = RequestContext(
      store: store, work: asked.work, files: asked.files, doors: refresher.doors,
      principal: asked.principal, instances: refresher.instances)
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
