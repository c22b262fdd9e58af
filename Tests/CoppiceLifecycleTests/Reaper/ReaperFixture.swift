internal import CoppiceLifecycle

/// A store's entries under a reaper, in a machine whose clocks the test moves.
struct ReaperFixture {
  static let second: Int64 = 1_000_000_000
  static let minute = 60 * second
  static let hour = 60 * minute
  static let day = 24 * hour

  var entries: [LifecycleEntry] = []
  var policy = Policy()
  var state = ReaperState()
  var now = ReaperClocks(wall: 1_764_460_800 * second, boot: 0, bootID: "first")
  var keepRules: [UInt64: KeepRules] = [:]

  /// A reaper that has run for two hours.
  init() {
    state.start(at: now, newestStoredAt: nil, isServer: true)
    pass(2 * Self.hour)
    tick()
  }

  /// Adds a branch, or a snapshot of one.
  @discardableResult
  mutating func add(
    _ name: String, of branch: String? = nil, change: (inout LifecycleEntry) -> Void = { _ in }
  ) -> UInt64 {
    let id = UInt64(entries.count + 1)
    var entry = LifecycleEntry(
      id: id, name: branch.map { "\($0)@\(name)" } ?? name, branchID: branch.map { self[$0].id },
      createdAt: now.wall)
    change(&entry)
    entries.append(entry)
    return id
  }

  /// Adds branches that have just come to their end.
  mutating func addEnded(_ count: Int, prefix: String = "b") {
    for number in 0..<count { add("\(prefix)\(number)") { $0.ends.expiresAt = $0.createdAt } }
  }

  subscript(name: String) -> LifecycleEntry {
    get { entries[index(name)] }
    set { entries[index(name)] = newValue }
  }

  private func index(_ name: String) -> Int {
    guard let index = entries.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("there is no entry \(name)")
    }
    return index
  }

  /// Time goes on.
  mutating func pass(_ nanoseconds: Int64) {
    now.boot += nanoseconds
    now.wall += nanoseconds
  }

  func plan() -> ReaperPlan {
    ReaperPlan(entries, policy: policy, state: state, at: now, keepRules: keepRules)
  }

  /// Plans, and takes all steps.
  @discardableResult
  mutating func tick() -> ReaperPlan {
    let plan = plan()
    state = plan.state
    for step in plan.steps { take(step) }
    return plan
  }

  mutating func take(_ step: ReaperStep) {
    let ids = Set(step.snapshotIDs + [step.id])
    for index in entries.indices where ids.contains(entries[index].id) {
      entries[index].state =
        step.kind == .expire
        ? .expired(since: now.wall) : .deleted(at: now.wall, keepUntil: step.keepUntil)
    }
  }

  /// Tick after tick, each after so long.
  mutating func run(_ count: Int, each nanoseconds: Int64 = 10 * second) {
    for _ in 0..<count {
      pass(nanoseconds)
      tick()
    }
  }
}

extension ReaperPlan {
  func names(_ kind: ReaperStep.Kind) -> [String] {
    steps.filter { $0.kind == kind }.map(\.name)
  }

  func reason(_ name: String) -> KeptEntry.Reason? { kept.first { $0.name == name }?.reason }
}
