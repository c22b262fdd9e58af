internal import CoppiceLifecycle
internal import TestSupport
internal import Testing

/// Random entries under random clocks, with a model that knows the truth.
@Suite struct ReaperSimulationTests {
  @Test(arguments: SeedRange.chosen(else: 1..<25))
  func `no clock and no crash has the reaper do what it must not`(_ seed: UInt64) {
    var world = ReaperWorld(seed: seed)
    for _ in 0..<700 { world.act() }
    world.settle()
    #expect(world.problems == [])
    #expect(world.expiredCount > 20 && world.deletedCount > 5 && world.forgottenCount > 0)
  }
}

/// A store, its reaper, a machine with two clocks, and people.
private struct ReaperWorld {
  private var reaper = ReaperFixture()
  private var random: SplitMix64
  /// What a crash goes back to.
  private var stored: ReaperState
  /// Uptime as it is, and when things happened by it.
  private var uptime: Int64 = 0
  private var expiredAt: [UInt64: Int64] = [:]
  private var deletedAt: [UInt64: Int64] = [:]
  private var isFrozen = false
  private var nextNumber = 0
  private var lastMassUptime: Int64?
  private var acceptedCount = 0
  private var storedAcceptedCount = 0
  private(set) var problems: [String] = []
  private(set) var expiredCount = 0
  private(set) var deletedCount = 0
  private(set) var forgottenCount = 0

  private static let (second, minute) = (ReaperFixture.second, ReaperFixture.minute)
  private static let (hour, day) = (ReaperFixture.hour, ReaperFixture.day)

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    stored = reaper.state
    uptime = 2 * Self.hour
    reaper.policy.expiredGrace = [.minutes(10), .hours(3), .hours(24)][random.below(3)]
    var rule = PolicyRule()
    rule.restoreWindow = random.bool() ? .minutes(20) : .days(2)
    reaper.policy.rules = [rule]
  }

  // MARK: What happens

  mutating func act() {
    switch random.below(40) {
    case 0: leap()
    case 1: isFrozen.toggle()
    case 2: crash()
    case 3: reboot()
    case 4: reaper.state.resume(at: reaper.now)
    case 5: reaper.state.pause(until: reaper.now.wall + Int64(random.below(5)) * Self.hour)
    case 6:
      acceptedCount = random.below(30)
      reaper.state.accept(acceptedCount)
    case 7...11: add(1 + random.below(random.oneIn(6) ? 40 : 4))
    case 12...14: change()
    case 15: pass(Int64(random.below(30)) * Self.hour)
    case 16...19: pass(Int64(random.below(90)) * Self.minute)
    case 20: forget()
    default: pass(10 * Self.second)
    }
    tick(crashing: random.oneIn(25))
  }

  private mutating func pass(_ nanoseconds: Int64) {
    uptime += nanoseconds
    reaper.now.boot += nanoseconds
    if !isFrozen { reaper.now.wall += nanoseconds }
  }

  private mutating func leap() {
    let lengths = [
      Self.second, Self.minute, 50 * Self.minute, 3 * Self.hour, Self.day, 900 * Self.day,
    ]
    let length = Int64(1 + random.below(3)) * lengths[random.below(lengths.count)]
    // Back no further than to some time after 1970.
    reaper.now.wall += random.bool() ? length : -min(length, reaper.now.wall / 2)
  }

  /// The server starts again, from what was stored, at once or later.
  private mutating func crash() {
    if random.bool() { pass(Int64(random.below(8)) * Self.hour) }
    reaper.state = stored
    acceptedCount = storedAcceptedCount
    let newest = reaper.now.wall + (random.oneIn(3) ? Self.hour : -Self.hour)
    reaper.state.start(
      at: reaper.now, newestStoredAt: random.bool() ? newest : nil, isServer: random.bool())
  }

  private mutating func reboot() {
    reaper.now.bootID += "+"
    reaper.now.boot = Int64(random.below(100)) * Self.second
    uptime += reaper.now.boot
    let off = Int64(random.below(30)) * Self.hour
    reaper.now.wall += reaper.now.boot + (random.oneIn(4) ? -off : off)
    crash()
  }

  private mutating func add(_ count: Int) {
    for _ in 0..<count {
      nextNumber += 1
      let branches = reaper.entries.filter { !$0.isSnapshot && $0.state == .live }
      let branch = random.oneIn(3) ? branches.randomElement(using: &random)?.name : nil
      var random = self.random.split()
      reaper.add("e\(nextNumber)", of: branch) { entry in
        let end = entry.createdAt + Int64(random.below(240)) * Self.minute
        if random.below(4) > 0 { entry.ends.expiresAt = end }
        if random.oneIn(3) {
          entry.ends.leaseUntil = entry.createdAt + Int64(random.below(60)) * Self.minute
          entry.ends.leasePeriod = .minutes(UInt64(1 + random.below(120)))
        }
        if random.oneIn(8) { entry.protectedUntil = random.bool() ? end + Self.day : .max }
        if entry.isSnapshot { entry.isApproved = random.oneIn(8) }
        if random.oneIn(8) { entry.openFileCount = 1 }
      }
    }
  }

  /// Somebody renews, protects, expires or closes something.
  private mutating func change() {
    guard let index = reaper.entries.indices.randomElement(using: &random) else { return }
    let now = reaper.now.wall
    switch random.below(4) {
    case 0:
      guard case .expired = reaper.entries[index].state else { return }
      reaper.entries[index].state = .live
      reaper.entries[index].ends = EntryEnds(expiresAt: now + Self.hour)
    case 1: reaper.entries[index].protectedUntil = random.bool() ? nil : now + Self.day
    case 2:
      guard reaper.entries[index].state == .live, !reaper.entries[index].isApproved else { return }
      reaper.entries[index].state = .expired(since: now)
      expiredAt[reaper.entries[index].id] = uptime
    default: reaper.entries[index].openFileCount = 0
    }
  }

  // MARK: The reaper, and the collector

  private mutating func tick(crashing: Bool = false) {
    let plan = reaper.plan()
    let lastBefore = lastMassUptime
    check(plan)
    if crashing, random.bool() {
      lastMassUptime = lastBefore
      return crash()
    }
    reaper.state = plan.state
    if plan.mustBeStored {
      stored = plan.state
      storedAcceptedCount = acceptedCount
    }
    for step in plan.steps {
      if crashing, random.oneIn(3) { return crash() }
      carryOut(step)
    }
  }

  private mutating func carryOut(_ step: ReaperStep) {
    reaper.take(step)
    for id in step.snapshotIDs + [step.id] {
      if step.kind == .expire { expiredAt[id] = uptime } else { deletedAt[id] = uptime }
    }
    if step.kind == .expire { expiredCount += 1 } else { deletedCount += 1 }
  }

  /// A collection forgets what it may.
  private mutating func forget() {
    let held = Set(reaper.plan().heldIDs)
    let now = reaper.now.wall
    for entry in reaper.entries where !held.contains(entry.id) {
      guard case .deleted(let at, let keepUntil?) = entry.state, keepUntil <= now else { continue }
      forgottenCount += 1
      if uptime - (deletedAt[entry.id] ?? 0) < min(keepUntil - at, Self.hour) {
        problems.append("\(entry.name) was forgotten too early")
      }
      reaper[entry.name].state = .deleted(at: at, keepUntil: nil)
    }
  }

  // MARK: What must hold

  private mutating func check(_ plan: ReaperPlan) {
    let entries = Dictionary(uniqueKeysWithValues: reaper.entries.map { ($0.id, $0) })
    let cap = reaper.policy.reaper.stepCountMax(
      liveCount: reaper.entries.count { !$0.isSnapshot && $0.state == .live })
    for kind in ReaperStep.Kind.allCases where plan.names(kind).count > cap {
      problems.append("\(plan.names(kind).count) steps in a tick")
    }
    let isStopped = plan.state.pauses.contains { $0.reason != .mass }
    if isStopped, !plan.steps.isEmpty { problems.append("steps during a pause") }
    checkBrake(plan)

    var seen: Set<UInt64> = []
    for step in plan.steps {
      guard let entry = entries[step.id] else { continue }
      let followers = reaper.entries.filter { $0.branchID == step.id && !isDeleted($0) }
      for touched in followers + [entry] {
        if touched.isApproved { problems.append("\(touched.name) is approved") }
        if let until = touched.protectedUntil, until > reaper.now.wall {
          problems.append("\(touched.name) is protected")
        }
      }
      for id in step.snapshotIDs + [step.id] where !seen.insert(id).inserted {
        problems.append("\(step.name) has two steps")
      }
      switch (step.kind, entry.state) {
      case (.expire, .live):
        let end = min(entry.ends.expiresAt ?? .max, entry.ends.leaseUntil ?? .max)
        if end > reaper.now.wall { problems.append("\(step.name) is not due") }
      case (.delete, .expired(let since)):
        if since + reaper.policy.expiredGrace.nanoseconds > reaper.now.wall {
          problems.append("\(step.name) still has its grace")
        }
        let least = min(reaper.policy.expiredGrace, .hours(1)).nanoseconds
        let span = uptime - (expiredAt[step.id] ?? 0)
        if span < least { problems.append("\(step.name) was expired for \(span / Self.second) s") }
      default: problems.append("\(step.name): \(step.kind) of \(entry.state)")
      }
    }
  }

  /// While too many are due there is one step in a minute, but for those that were accepted.
  private mutating func checkBrake(_ plan: ReaperPlan) {
    let isMass = plan.state.pauses.contains { $0.reason == .mass }
    let branchCount = plan.due.count { !$0.isSnapshot }
    let liveCount = reaper.entries.count { !$0.isSnapshot && $0.state == .live }
    if branchCount > 10, branchCount * 4 > liveCount, !isMass {
      problems.append("\(branchCount) of \(liveCount) are due, and nothing holds them")
    }
    guard isMass else {
      acceptedCount = 0
      return
    }
    if acceptedCount > 0 {
      if plan.steps.count > acceptedCount { problems.append("more than was accepted") }
      acceptedCount = min(acceptedCount, plan.due.count) - plan.steps.count
      return
    }
    guard !plan.steps.isEmpty else { return }
    if plan.steps.count > 1 { problems.append("\(plan.steps.count) steps of a mass") }
    if let last = lastMassUptime, uptime - last < Self.minute {
      problems.append("two steps of a mass within \((uptime - last) / Self.second) s")
    }
    lastMassUptime = uptime
  }

  private func isDeleted(_ entry: LifecycleEntry) -> Bool {
    if case .deleted = entry.state { true } else { false }
  }

  /// The clocks go well from now on, and somebody looks after things: whatever is due ends.
  mutating func settle() {
    isFrozen = false
    reaper.state.resume(at: reaper.now)
    for _ in 0..<600 {
      pass(10 * Self.minute)
      acceptedCount = 100
      reaper.state.accept(100)
      tick()
      forget()
    }
    let now = reaper.now.wall
    for entry in reaper.entries {
      let family = reaper.entries.filter { $0.branchID == entry.id && !isDeleted($0) } + [entry]
      let isHeld = family.contains { $0.isApproved || ($0.protectedUntil ?? .min) > now }
      guard !isHeld else { continue }
      switch entry.state {
      case .live:
        let end = min(entry.ends.expiresAt ?? .max, entry.ends.leaseUntil ?? .max)
        if end < now - Self.day { problems.append("\(entry.name) never expires") }
      case .expired(let since):
        if since < now - 3 * Self.day { problems.append("\(entry.name) is never deleted") }
      case .deleted(_, let keepUntil):
        if let keepUntil, keepUntil < now - Self.day {
          problems.append("\(entry.name) is never forgotten")
        }
      }
    }
  }
}
