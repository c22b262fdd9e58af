/// What the reaper does in one tick: a pure function of the entries, the policy, the clocks and
/// what it remembers.
///
/// `state` is stored first where `mustBeStored`, then the steps are taken one by one. What a crash
/// leaves out is planned again.
///
///  - What is protected or approved is in no step, and no branch whose snapshots are; approved
///    snapshots end by keep rules alone.
///  - A step takes an entry from one state to the next, and nothing is deleted that was not expired
///    for the grace, and for an hour of uptime (the grace where that is less).
///  - While the reaper is paused there is no step. When too many are due at once there is one a
///    minute. No tick has more steps of a kind than the policy's caps.
package struct ReaperPlan: Sendable {
  /// In the order in which they are to be taken.
  package private(set) var steps: [ReaperStep] = []
  /// What is due and stays for now.
  package private(set) var kept: [KeptEntry] = []
  /// All that could end now if nothing held the reaper back: what a change of the policy changes in
  /// this it would end at once.
  package private(set) var due: [ReaperStep] = []
  /// Deleted entries that no collection may forget yet, though the wall clock says that their time
  /// to be restored is over.
  package private(set) var heldIDs: [UInt64] = []
  /// What the reaper remembers from now on.
  package private(set) var state: ReaperState
  /// Whether `state` is to be stored before the first step.
  package private(set) var mustBeStored: Bool

  private let policy: Policy
  private let wall: Int64

  /// - Parameters:
  ///   - entries: all of them, snapshots and deleted ones too.
  ///   - keepRules: those of baselines, by the number of the branch that they are refreshed in.
  package init(
    _ entries: [LifecycleEntry], policy: Policy, state: ReaperState, at clocks: ReaperClocks,
    keepRules: [UInt64: KeepRules] = [:]
  ) {
    self.policy = policy
    self.state = state
    wall = clocks.wall
    mustBeStored = false
    let leap = self.state.advance(to: clocks)

    let census = Census(entries)
    for entry in entries { look(at: entry) }
    if !due.isEmpty { take(snapshotsOf: entries) }
    due += prunable(entries, keepRules)
    due.sort { ($0.dueAt, $0.id) < ($1.dueAt, $1.id) }
    choose(census)
    self.state.forgetDowntimes(
      unlessUsedBy: entries.lazy.compactMap { entry in
        guard entry.state == .live, let until = entry.ends.leaseUntil,
          let period = entry.ends.leasePeriod
        else { return nil }
        return (until, period)
      })
    mustBeStored = self.state.mustBeStored(after: state, leap: leap)
  }

  /// How many entries are live.
  private struct Census {
    var branchCount = 0
    var snapshotCount = 0

    init(_ entries: [LifecycleEntry]) {
      for entry in entries where entry.state == .live {
        if entry.isSnapshot { snapshotCount += 1 } else { branchCount += 1 }
      }
    }
  }

  // MARK: What is due

  private mutating func look(at entry: LifecycleEntry) {
    switch entry.state {
    case .live:
      guard let end = end(of: entry), end.at <= wall else { return }
      let step = ReaperStep(
        kind: .expire, id: entry.id, name: entry.name, isSnapshot: entry.isSnapshot,
        cause: end.cause, dueAt: end.at)
      if let reason = obstacle(entry) {
        keep(entry, reason)
      } else {
        due.append(step)
      }
    case .expired(let since):
      guard let dueAt = policy.expiredGrace.after(since), dueAt <= wall else { return }
      if let reason = obstacle(entry) ?? youth(since) {
        keep(entry, reason)
      } else {
        due.append(
          ReaperStep(
            kind: .delete, id: entry.id, name: entry.name, isSnapshot: entry.isSnapshot,
            cause: .grace, dueAt: dueAt, keepUntil: keepUntil(entry)))
      }
    case .deleted(let at, let keepUntil):
      guard let keepUntil else { return }
      let uptime = state.clock.uptime(since: at)
      let isYoung = uptime < min(keepUntil.lowered(by: at), ReaperClock.hour)
      if isYoung || !state.isClockTrusted { heldIDs.append(entry.id) }
    }
  }

  /// The earlier one of its two ends; now for a branch that is far beyond its limit.
  private func end(of entry: LifecycleEntry) -> (at: Int64, cause: ReaperStep.Cause)? {
    if entry.isBeyondLimit { return (wall, .limit) }
    let lease = entry.ends.leaseUntil.map { until in
      entry.ends.leasePeriod.map { state.leaseEnd(until: until, period: $0) } ?? until
    }
    if let lease, lease < entry.ends.expiresAt ?? .max { return (lease, .lease) }
    return entry.ends.expiresAt.map { ($0, .ttl) }
  }

  /// What of an entry itself keeps it.
  private func obstacle(_ entry: LifecycleEntry) -> KeptEntry.Reason? {
    if entry.isApproved { return .approved }
    if let until = entry.protectedUntil, isProtecting(until) { return .protected(until: until) }
    return nil
  }

  /// Whether a protection holds. A leap of the clock does not end it at once.
  private func isProtecting(_ until: Int64) -> Bool {
    until == .max || until > min(wall, state.clock.cautiousWall)
  }

  /// Why something is not deleted that has been expired since then.
  private func youth(_ since: Int64) -> KeptEntry.Reason? {
    let uptime = state.clock.uptime(since: since)
    let least = min(policy.expiredGrace, .hours(1))
    guard uptime < least.nanoseconds else { return nil }
    return .uptime(seconds: uptime / 1_000_000_000, of: least)
  }

  private func keepUntil(_ entry: LifecycleEntry) -> Int64? {
    policy.rule(for: entry.subject)?.rule.restoreWindow.map { wall.raised(by: $0.nanoseconds) }
  }

  private mutating func keep(_ entry: LifecycleEntry, _ reason: KeptEntry.Reason) {
    kept.append(KeptEntry(id: entry.id, name: entry.name, reason: reason))
  }

  // MARK: Branches with their snapshots

  /// Gives each branch that is due its snapshots, which then have no step of their own, and keeps
  /// what must stay for a snapshot's or for open files' sake.
  private mutating func take(snapshotsOf entries: [LifecycleEntry]) {
    var followers: [UInt64: [LifecycleEntry]] = [:]
    for step in due where !step.isSnapshot { followers[step.id] = [] }
    var openFileCounts: [UInt64: Int] = [:]
    for entry in entries {
      if let branchID = entry.branchID, !entry.isDeleted { followers[branchID]?.append(entry) }
      if entry.openFileCount > 0 { openFileCounts[entry.id] = entry.openFileCount }
    }

    var taken: Set<UInt64> = []
    var staying: Set<UInt64> = []
    for index in due.indices {
      let step = due[index]
      let snapshots = followers[step.id] ?? []
      let openFileCount = snapshots.reduce(openFileCounts[step.id] ?? 0) {
        $0 + (openFileCounts[$1.id] ?? 0)
      }
      if let reason = snapshots.lazy.compactMap(snapshotObstacle).first
        ?? delay(step, openFileCount: openFileCount)
      {
        kept.append(KeptEntry(id: step.id, name: step.name, reason: reason))
        staying.insert(step.id)
      } else {
        // What has expired by itself goes its own way until its branch is deleted.
        due[index].snapshotIDs = snapshots.filter { step.kind == .delete || $0.state == .live }
          .map(\.id)
        taken.formUnion(due[index].snapshotIDs)
      }
    }
    due.removeAll { staying.contains($0.id) || taken.contains($0.id) }
    kept.removeAll { taken.contains($0.id) }
  }

  private func snapshotObstacle(_ snapshot: LifecycleEntry) -> KeptEntry.Reason? {
    switch obstacle(snapshot) {
    case .approved: .snapshotApproved(snapshot.name)
    case .protected: .snapshotProtected(snapshot.name)
    default: nil
    }
  }

  private func delay(_ step: ReaperStep, openFileCount: Int) -> KeptEntry.Reason? {
    // Whoever has these open is who fills the disk.
    guard step.kind == .expire, step.cause != .limit, openFileCount > 0,
      wall.lowered(by: step.dueAt) < ReaperClock.hour
    else { return nil }
    return .openFiles(count: openFileCount)
  }

  // MARK: What is done of it

  private mutating func choose(_ census: Census) {
    let ends = due.filter { $0.kind != .prune }
    let snapshotCount = ends.count(where: \.isSnapshot)
    let branchCount = ends.count - snapshotCount
    let caps = policy.reaper
    if state.isMass {
      state.isMass = max(branchCount, snapshotCount) > caps.massCount
    } else {
      state.isMass =
        caps.isMass(dueCount: branchCount, liveCount: census.branchCount)
        || caps.isMass(dueCount: snapshotCount, liveCount: census.snapshotCount)
    }
    if !state.isMass { state.acceptedCount = 0 }

    let stop = state.pauses.first { $0.reason != .mass }
    let cap = caps.stepCountMax(liveCount: census.branchCount)
    var allowance = state.isMass ? massAllowance : Int.max
    var counts: [ReaperStep.Kind: Int] = [:]
    for step in due {
      let isEnd = step.kind != .prune
      if let stop {
        kept.append(KeptEntry(id: step.id, name: step.name, reason: .paused(stop.reason)))
      } else if counts[step.kind, default: 0] >= cap {
        kept.append(KeptEntry(id: step.id, name: step.name, reason: .cap(stepCount: cap)))
      } else if isEnd, allowance == 0 {
        kept.append(KeptEntry(id: step.id, name: step.name, reason: .mass(dueCount: ends.count)))
      } else {
        counts[step.kind, default: 0] += 1
        if isEnd { allowance -= 1 }
        steps.append(step)
      }
    }
    if state.isMass { noteMassSteps(steps.count { $0.kind != .prune }, of: ends.count) }
  }

  /// How many ends there may be while too many are due.
  private var massAllowance: Int {
    if state.acceptedCount > 0 { return state.acceptedCount }
    guard let last = state.massStepAt else { return 1 }
    return state.clock.uptime - last >= TimeSpan.minutes(1).nanoseconds ? 1 : 0
  }

  /// What was accepted is for those that are due now.
  private mutating func noteMassSteps(_ count: Int, of dueCount: Int) {
    if state.acceptedCount > 0 {
      state.acceptedCount = min(state.acceptedCount, dueCount) - count
    } else if count > 0 {
      state.massStepAt = state.clock.uptime
    }
  }

  /// Approved snapshots that their baselines' keep rules let go.
  private func prunable(
    _ entries: [LifecycleEntry], _ keepRules: [UInt64: KeepRules]
  ) -> [ReaperStep] {
    guard !keepRules.isEmpty else { return [] }
    var approved: [UInt64: [LifecycleEntry]] = [:]
    for entry in entries where entry.isApproved && entry.state == .live {
      guard let branchID = entry.branchID, keepRules[branchID] != nil else { continue }
      approved[branchID, default: []].append(entry)
    }
    return approved.flatMap { branchID, snapshots -> [ReaperStep] in
      guard let rules = keepRules[branchID] else { return [] }
      let plan = PrunePlan(snapshots.map { PrunePlan.Candidate($0) }, rules, now: wall)
      let removed = Set(plan.removed)
      return snapshots.filter { snapshot in
        removed.contains(snapshot.id) && snapshot.openFileCount == 0
          && !(snapshot.protectedUntil.map(isProtecting) ?? false)
      }.map { snapshot in
        ReaperStep(
          kind: .prune, id: snapshot.id, name: snapshot.name, isSnapshot: true,
          cause: .keepRules, dueAt: snapshot.createdAt, keepUntil: keepUntil(snapshot))
      }
    }
  }
}

extension LifecycleEntry {
  fileprivate var isDeleted: Bool { if case .deleted = state { true } else { false } }
}
