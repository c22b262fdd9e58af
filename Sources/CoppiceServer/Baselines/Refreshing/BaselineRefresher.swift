internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import Logging
internal import Synchronization

/// Brings baselines up to date, one refresh of a baseline at a time: when somebody asks, and by
/// their schedules.
///
/// All of it happens on a branch of its own, a *part*, which is marked as one: until the last step
/// neither the work branch nor a snapshot changes. Parts that a crash left are deleted at the next
/// start.
package final class BaselineRefresher: Sendable {
  let store: Store
  let doors: Doors
  let instances: InstanceHost
  let logger: Logger
  private let busy = Mutex<Set<[UInt8]>>([])
  private let isClosing = Mutex(false)
  /// Whether the schedule has been looked at.
  private let hasLooked = Mutex(false)

  init(_ store: Store, _ doors: Doors, instances: InstanceHost, logger: Logger) {
    self.store = store
    self.doors = doors
    self.instances = instances
    self.logger = logger
  }

  /// What a refresh is carried out for.
  struct Asked {
    var principal: Principal
    var work: Work
    var files: any ClientFiles

    init(_ context: RequestContext) {
      principal = context.principal
      work = context.work
      files = context.files
    }
  }

  /// Brings a baseline up to date and returns the run, which is kept with the baseline, as is one
  /// that fails.
  ///
  /// Throws `inUse` while another refresh of it runs; `denied` for one that is retired; and what
  /// made it fail.
  func refresh(_ name: String, _ asked: Asked) throws(StoreError) -> BaselineRun {
    let registry = BaselineRegistry(store)
    let baseline = try registry.baseline(name).baseline
    try claim(name)
    defer { busy.withLock { _ = $0.remove(Array(name.utf8)) } }
    guard !baseline.isRetired else {
      throw StoreError(
        .denied, "the baseline is retired", object: name, remedy: "add another one",
        reason: .policy)
    }
    var refresh = BaselineRefresh(
      baseline: baseline, asked: asked, refresher: self, supervisor: try instances.supervisor(),
      run: BaselineRun(startedNanoseconds: registry.now))
    do throws(StoreError) {
      try refresh.carryOut()
      return refresh.run
    } catch {
      let error = asked.work.reason ?? error
      refresh.run.fail(error.message, at: registry.now)
      try? registry.note(refresh.run, of: name)
      logger.error("refresh of \(name), \(refresh.run.step): \(error.commandText)")
      throw error
    }
  }

  private func claim(_ name: String) throws(StoreError) {
    guard busy.withLock({ $0.insert(Array(name.utf8)).inserted }) else {
      throw Self.running(name, remedy: "wait for it: \(Self.outcome(name))")
    }
  }

  private static func running(_ name: String, remedy: Remedy) -> StoreError {
    StoreError(.inUse, "a refresh of the baseline is running", object: name, remedy: remedy)
  }

  private static func outcome(_ name: String) -> String {
    "`coppice baseline show \(name)` tells what came of it"
  }

  /// Whether a refresh of it runs.
  func isRunning(_ name: String) -> Bool { busy.withLock { $0.contains(Array(name.utf8)) } }

  /// Throws `inUse` for one that is being refreshed: what is deleted would come back.
  func refuse(refreshedAmong names: [String]) throws(StoreError) {
    for name in names where isRunning(name) {
      throw Self.running(name, remedy: "wait for it: \(Self.outcome(name))")
    }
  }

  /// Throws `inUse` while any refresh runs.
  func refuseRunning() throws(StoreError) {
    guard let name = busy.withLock({ $0.first }) else { return }
    let text = String(decoding: name, as: UTF8.self)
    throw Self.running(
      text,
      remedy: "wait for it, or add --force, by which it fails: \(Self.outcome(text))")
  }

  // MARK: By the clock

  /// Deletes what a crash left, and from then on carries out what is due.
  func beginSchedule() throws(StoreError) -> PeriodicThread {
    removeParts()
    return try PeriodicThread(name: "refresh", "refreshing baselines", logger: logger) {
      [self] () throws(StoreError) in try runDue()
    }
  }

  /// Calls off what the schedule has begun.
  func close() { isClosing.withLock { $0 = true } }

  /// Carries out all that are due, one behind the other. Returns what failed.
  private func runDue() throws(StoreError) -> [String] {
    let registry = BaselineRegistry(store)
    var failures: [String] = []
    // A server that begins mounts the store a moment later.
    let isFirst = hasLooked.withLock { hasLooked in
      defer { hasLooked = true }
      return !hasLooked
    }
    if isFirst, doors.mounts.isEmpty { return [] }
    for baseline in try registry.all() where !baseline.isRetired {
      guard let schedule = baseline.refresh.flatMap(RefreshSchedule.init) else { continue }
      let last = baseline.runs?.last?.startedNanoseconds ?? baseline.addedNanoseconds
      guard schedule.isDue(since: last, at: registry.now), !isRunning(baseline.name) else {
        continue
      }
      let work = Work(isEnding: { [self] in isClosing.withLock { $0 } })
      let asked = Asked(
        RequestContext(
          store: store, work: work, files: OwnFiles(), doors: doors, principal: .administrator))
      do throws(StoreError) { _ = try refresh(baseline.name, asked) } catch {
        failures.append("the refresh of \(baseline.name) failed: \(error.commandText)")
      }
    }
    return failures
  }

  // MARK: Parts

  /// Nobody is to have it back: the next collection takes its space. Where there is none any more,
  /// nothing happens.
  func deletePart(_ name: String) {
    do throws(StoreError) {
      let now = Timestamp(nanoseconds: store.clock.wallNanoseconds())
      try store.delete(
        [name], ignoringMissing: true, force: true, annotations: [.keeping(until: now)])
    } catch {
      logger.error("\(error.commandText)")
    }
  }

  /// Deletes what refreshes left that did not come to their end, and notes that they did not.
  private func removeParts() {
    let registry = BaselineRegistry(store)
    do throws(StoreError) {
      // Snapshots first: a branch that has some is not deleted.
      let parts = try store.entries(carrying: .part, in: .named)
      for (entry, value) in parts.filter(\.entry.isSnapshot)
        + parts.filter({ !$0.entry.isSnapshot })
      {
        let baseline = try BaselineSnapshots.read(BaselinePart.self, value, of: entry).name
        logger.warning("\(entry.name), left of a refresh of \(baseline), is deleted")
        // One whose work branch is a part was being added.
        if entry.name.hasBytes(of: baseline) {
          try store.set(Baseline.settingKey(baseline), to: nil)
        }
        deletePart(entry.name)
        InstanceSupervisor.removeTraces(ofStore: store.identifier, entries: [entry.id])
      }
      for baseline in try registry.all() {
        guard var run = baseline.runs?.last, run.outcome == .running else { continue }
        run.fail("the store's server ended meanwhile", at: registry.now)
        try registry.note(run, of: baseline.name)
      }
    } catch {
      logger.error("parts of refreshes: \(error.commandText)")
    }
  }
}
