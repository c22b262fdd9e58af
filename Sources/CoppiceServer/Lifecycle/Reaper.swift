package import Coppice
internal import CoppiceEngine
package import CoppiceLifecycle
internal import CoppicePlatform
package import Logging

/// Moves branches and snapshots through their states as their ends come: each pass makes a plan
/// from what there is, and carries it out step by step, each in a transaction of its own.
///
/// What it remembers is a setting of the store, written before the first step of the plan that it
/// comes from, so a crash anywhere is harmless. One pass runs at a time.
package final class Reaper: Sendable {
  static let stateKey = "lifecycle"

  private let store: Store
  private let doors: Doors
  private let instances: InstanceHost?
  private let bootID: String
  private let logger: Logger?
  private let limitExcessByteCountMin: UInt64
  /// By the boot clock.
  private let beganAt: Int64
  /// `nil` until the first pass.
  private let state = Monitored<ReaperState?>(nil)

  /// - Parameters:
  ///   - logger: told of each step; `nil` without a server, which also means that leases that ran
  ///     out meanwhile get no time for it.
  ///   - limitExcessByteCountMin: what branches may add beyond their limits, at least, before they
  ///     end.
  package init(
    _ store: Store, _ doors: Doors, instances: InstanceHost? = nil,
    bootID: String = HostProcess.bootID, logger: Logger? = nil,
    limitExcessByteCountMin: UInt64 = GrowthLimit.excessByteCountMin
  ) {
    self.store = store
    self.doors = doors
    self.instances = instances
    self.bootID = bootID
    self.logger = logger
    self.limitExcessByteCountMin = limitExcessByteCountMin
    beganAt = Int64(clamping: store.clock.bootNanoseconds())
  }

  /// One pass: what is due ends, as far as policy, brakes and pauses allow.
  @discardableResult
  package func run() throws(StoreError) -> ReaperReport {
    try state.withLock { state throws(StoreError) in
      let policy = try store.policyDocument().policy
      try applyMarks(of: policy)
      let known = try started(state)
      let work = try plan(known, by: policy)
      // What a start found is stored with the first pass.
      if state == nil || work.plan.mustBeStored { try save(work.plan.state) }
      state = work.plan.state
      var report = ReaperReport(work.plan, isDryRun: false)
      for step in work.plan.steps {
        do throws(StoreError) {
          if try carryOut(step, work.entries) { report.note(step) }
        } catch {
          // The others are no worse for it, and the next pass plans it again.
          logger?.error("\(step.kind.rawValue) of \(step.name): \(error.commandText)")
          report.failures.append(ReaperReport.Failure(name: step.name, message: error.message))
        }
      }
      return report
    }
  }

  /// What the next pass would do.
  package func preview() throws(StoreError) -> ReaperReport {
    try state.withLock { state throws(StoreError) in
      let policy = try store.policyDocument().policy
      let work = try plan(try started(state), by: policy)
      return ReaperReport(work.plan, isDryRun: true)
    }
  }

  /// What would end at once by another policy, and does not by the store's.
  func ended(by policy: Policy) throws(StoreError) -> [ReaperStep] {
    try state.withLock { state throws(StoreError) in
      let known = try started(state)
      let now = (try? store.policyDocument().policy) ?? Policy()
      let already = Set(try plan(known, by: now).plan.due.map(\.id))
      return try plan(known, by: policy).plan.due.filter { !already.contains($0.id) }
    }
  }

  /// Has nothing end until a moment, or until `resume`.
  package func pause(for span: TimeSpan?) throws(StoreError) {
    try change { state, clocks in state.pause(until: span.flatMap { $0.after(clocks.wall) }) }
  }

  /// Ends every pause, and takes the clock as it is.
  package func resume() throws(StoreError) {
    try change { state, clocks in state.resume(at: clocks) }
  }

  /// Lets so many go that are due at once.
  package func accept(_ count: Int) throws(StoreError) {
    try change { state, _ in state.accept(count) }
  }

  /// Why nothing, or little, ends.
  package var pauses: [ReaperPause] {
    state.withLock { state in (try? started(state))?.pauses ?? [] }
  }

  /// The wall clock's time, where it has proven itself: this reaper has looked at it for an hour of
  /// uptime, and nothing is paused. Else `nil`.
  package var provenTime: Timestamp? {
    state.withLock { state in
      let now = clocks
      guard let state, now.boot - beganAt >= TimeSpan.hours(1).nanoseconds,
        state.isWithoutPause(at: now)
      else { return nil }
      return Timestamp(nanoseconds: now.wall)
    }
  }

  /// Stores what is remembered: leases that run out from now on get more time at the next start.
  func close() {
    state.withLock { state in
      // Older values are as harmless: everything then takes a little longer.
      if let state { try? save(state) }
    }
  }

  // MARK: State

  private var clocks: ReaperClocks {
    ReaperClocks(
      wall: store.clock.wallNanoseconds(), boot: Int64(clamping: store.clock.bootNanoseconds()),
      bootID: bootID)
  }

  private func change(_ body: (inout ReaperState, ReaperClocks) -> Void) throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      var changed = try started(state)
      body(&changed, clocks)
      try save(changed)
      state = changed
    }
  }

  private func started(_ state: ReaperState?) throws(StoreError) -> ReaperState {
    if let state { return state }
    var stored = ReaperState()
    if store.isRepaired {
      stored.pause(.repair)
    } else if let bytes = try store.setting(Self.stateKey) {
      do throws(JSONFailure) { stored = try JSON.decode(ReaperState.self, from: bytes) } catch {
        throw StoreError(
          .corrupt, "what is remembered of ends cannot be read: \(error)", object: Self.stateKey,
          remedy: "begin anew with `coppice policy resume`")
      }
    }
    stored.start(
      at: clocks, newestStoredAt: store.newestTime?.nanoseconds, isServer: logger != nil)
    return stored
  }

  private func save(_ state: ReaperState) throws(StoreError) {
    try store.set(Self.stateKey, to: JSON.encode(state))
  }

  // MARK: Steps

  /// Has the marks of the store's policy hold, as long as the server runs.
  func applyMarks() throws(StoreError) {
    try applyMarks(of: try store.policyDocument().policy)
  }

  /// A store without a policy of its own has no marks.
  private func applyMarks(of policy: Policy) throws(StoreError) {
    guard logger != nil else { return }
    let isSet = try store.setting(Store.policyKey) != nil
    let wanted = isSet ? Coppice.SpaceMarks(policy.space) : nil
    if store.spaceMarks != wanted { store.spaceMarks = wanted }
  }

  private struct Planned {
    var plan: ReaperPlan
    var entries: [UInt64: EntryInfo]
  }

  /// Whether there is surely nothing to plan: most looks find nothing, however many branches there
  /// are.
  private func isQuiet(_ state: ReaperState, _ policy: Policy, at now: ReaperClocks) -> Bool {
    if !state.isPlain { return false }
    if store.mayHaveEnds(at: now.wall, grace: policy.expiredGrace.nanoseconds) { return false }
    return prunedBaselines.isEmpty
  }

  /// Only what is due is looked at for open files: that is a look at all processes.
  private func plan(_ state: ReaperState, by policy: Policy) throws(StoreError) -> Planned {
    let clocks = self.clocks
    if isQuiet(state, policy, at: clocks) {
      return Planned(plan: ReaperPlan([], policy: policy, state: state, at: clocks), entries: [:])
    }
    let infos = try store.entries(in: .all)
    var entries = LifecycleEntry.all(of: infos)
    // Its own instance does not keep a branch: it is ended first.
    let own = instances?.running ?? []
    for (index, info) in infos.enumerated() {
      entries[index].isBeyondLimit = isBeyondLimit(info)
      if own.contains(Array(info.name.utf8)) { entries[index].openFileCount = 0 }
    }
    let rules = keepRules(infos)
    var plan = ReaperPlan(entries, policy: policy, state: state, at: clocks, keepRules: rules)
    if !plan.due.isEmpty {
      var counts: [[UInt8]: Int] = [:]
      for user in doors.users { counts[Array(user.entry.utf8), default: 0] += user.fileCount }
      for (index, info) in infos.enumerated() where !own.contains(Array(info.name.utf8)) {
        entries[index].openFileCount = max(
          info.openFileCount, counts[Array(info.name.utf8)] ?? 0)
      }
      plan = ReaperPlan(entries, policy: policy, state: state, at: clocks, keepRules: rules)
    }
    let planned = Set(plan.steps.flatMap { [$0.id] + $0.snapshotIDs })
    let needed = infos.filter { planned.contains($0.id) }
    return Planned(
      plan: plan,
      entries: Dictionary(needed.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
  }

  /// Whether overwriting took a branch so far beyond its limit that it ends. One that cannot be
  /// measured is not held to it.
  private func isBeyondLimit(_ info: EntryInfo) -> Bool {
    guard info.maxStoredByteCount != nil, !info.isSnapshot, info.state == .live else {
      return false
    }
    do throws(StoreError) {
      return try store.isBeyondLimit(info.name, by: limitExcessByteCountMin)
    } catch {
      logger?.error("looking at the limit of \(info.name): \(error.commandText)")
      return false
    }
  }

  /// Baselines whose snapshots end by keep rules. A registry that cannot be read has none.
  private var prunedBaselines: [Baseline] {
    ((try? BaselineRegistry(store).all()) ?? []).filter { !$0.isRetired && $0.rules.keep != nil }
  }

  /// Of baselines, by the number of their work branch. One that cannot be read prunes nothing, and
  /// keeps no other branch from its end.
  private func keepRules(_ infos: [EntryInfo]) -> [UInt64: KeepRules] {
    var rules: [UInt64: KeepRules] = [:]
    for baseline in prunedBaselines {
      guard let keep = try? baseline.rules.keep?.rules(of: baseline.name) else { continue }
      let branch = infos.first { info in
        !info.isSnapshot && info.state == .live && info.name.hasBytes(of: baseline.name)
      }
      if let branch { rules[branch.id] = keep }
    }
    return rules
  }

  /// Returns whether it was done: what was changed meanwhile is passed over.
  private func carryOut(
    _ step: ReaperStep, _ entries: [UInt64: EntryInfo]
  ) throws(StoreError) -> Bool {
    let targets = ([step.id] + step.snapshotIDs).compactMap { entries[$0] }
    func end() throws(StoreError) -> Bool {
      switch step.kind {
      case .expire: try store.expire(asPlanned: targets, for: EntryEnding.Cause(step.cause))
      case .delete, .prune:
        try store.delete(
          asPlanned: targets, keepUntil: step.keepUntil.map { Timestamp(nanoseconds: $0) },
          isRetracting: step.kind == .prune)
      }
    }
    let isDone =
      if let instances { try instances.suspending(targets.map(\.name), end) } else { try end() }
    if isDone {
      let dueAt = Timestamp(nanoseconds: step.dueAt)
      logger?.info("\(step.kind.rawValue) \(step.name): \(step.cause.rawValue), due \(dueAt)")
    }
    return isDone
  }
}

extension EntryEnding.Cause {
  fileprivate init(_ cause: ReaperStep.Cause) {
    self =
      switch cause {
      case .lease: .lease
      case .limit: .limit
      // Nothing expires for the others.
      case .ttl, .grace, .keepRules: .ttl
      }
  }
}

extension Coppice.SpaceMarks {
  fileprivate init(_ marks: CoppiceLifecycle.SpaceMarks) {
    self.init(
      freeByteCount: marks.freeByteCount.value, freeShare: Double(marks.freePercent) / 100)
  }
}

extension LifecycleEntry {
  /// Of all entries of a store, in the same order.
  static func all(of infos: [EntryInfo]) -> [LifecycleEntry] {
    var branches: [[UInt8]: UInt64] = [:]
    for info in infos where !info.isSnapshot && info.state != .deleted {
      branches[Array(info.name.utf8)] = info.id
    }
    return infos.map { info in
      var branchID: UInt64?
      if info.isSnapshot {
        branchID = branches[Array(info.name.utf8.prefix { $0 != UInt8(ascii: "@") })] ?? 0
      }
      return LifecycleEntry(info, branchID: branchID)
    }
  }

  private init(_ info: EntryInfo, branchID: UInt64?) {
    self.init(
      id: info.id, name: info.name, branchID: branchID, createdAt: info.createdAt.nanoseconds)
    switch info.state {
    case .live: state = .live
    case .expired: state = .expired(since: info.expiredAt?.nanoseconds ?? 0)
    case .deleted:
      state = .deleted(
        at: info.deletedAt?.nanoseconds ?? 0, keepUntil: info.keepUntil?.nanoseconds)
    }
    ends = EntryEnds(info)
    protectedUntil = info.protectedUntil?.nanoseconds
    isApproved = info.isApproved
    labels = info.labels
    dataClass = info.domain.dataClass.rawValue
    openFileCount = info.openFileCount
  }
}
