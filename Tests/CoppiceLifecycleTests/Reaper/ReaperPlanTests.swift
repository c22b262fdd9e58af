internal import CoppiceLifecycle
internal import Testing

/// What ends when, entry by entry.
@Suite struct ReaperPlanTests {
  private static let (second, minute) = (ReaperFixture.second, ReaperFixture.minute)
  private static let (hour, day) = (ReaperFixture.hour, ReaperFixture.day)

  @Test func `nothing ends that was not given an end`() {
    var reaper = ReaperFixture()
    reaper.add("main")
    reaper.add("s", of: "main")
    reaper.pass(400 * Self.day)
    let plan = reaper.tick()
    #expect(plan.steps == [] && plan.kept == [] && plan.due == [])
  }

  @Test func `a branch expires at its end, and is deleted a grace later`() {
    var reaper = ReaperFixture()
    let end = reaper.now.wall + Self.hour
    let id = reaper.add("b") { $0.ends = EntryEnds(expiresAt: end, ttl: .hours(1)) }
    reaper.pass(Self.hour - 1)
    #expect(reaper.plan().steps == [])
    reaper.pass(1)
    #expect(
      reaper.tick().steps == [
        ReaperStep(
          kind: .expire, id: id, name: "b", isSnapshot: false, cause: .ttl, dueAt: end)
      ])
    reaper.pass(Self.day - 1)
    #expect(reaper.plan().steps == [])
    reaper.pass(1)
    #expect(
      reaper.tick().steps == [
        ReaperStep(
          kind: .delete, id: id, name: "b", isSnapshot: false, cause: .grace, dueAt: end + Self.day)
      ])
    reaper.pass(Self.day)
    #expect(reaper.tick().steps == [])
  }

  @Test func `the earlier one of a time to live and a lease ends a branch`() {
    var reaper = ReaperFixture()
    let now = reaper.now.wall
    reaper.add("leased") {
      $0.ends = EntryEnds(
        expiresAt: now + 2, leaseUntil: now + 1, leasePeriod: TimeSpan(seconds: 1))
    }
    reaper.add("lived") {
      $0.ends = EntryEnds(
        expiresAt: now + 1, leaseUntil: now + 2, leasePeriod: TimeSpan(seconds: 1))
    }
    reaper.pass(1)
    #expect(reaper.plan().steps.map(\.cause) == [.lease, .ttl])
  }

  @Test func `what is deleted can be restored as long as its rule says`() throws {
    var reaper = ReaperFixture()
    let text = #"{"rules": [{"name": "ci-*", "restoreWindow": "3d"}], "expiredGrace": "2h"}"#
    reaper.policy = try PolicyDocument(Array(text.utf8)).policy
    reaper.addEnded(1, prefix: "ci-")
    reaper.addEnded(1, prefix: "other")
    reaper.tick()
    reaper.pass(2 * Self.hour)
    let plan = reaper.tick()
    #expect(plan.steps.map(\.keepUntil) == [reaper.now.wall + 3 * Self.day, nil])
  }

  @Test func `protected and approved entries are passed over`() {
    var reaper = ReaperFixture()
    let now = reaper.now.wall
    reaper.addEnded(3)
    reaper["b0"].protectedUntil = .max
    reaper["b1"].protectedUntil = now + 1
    reaper["b2"].protectedUntil = now
    reaper.add("main")
    reaper.add("approved", of: "main") {
      $0.ends.expiresAt = now
      $0.isApproved = true
    }
    let plan = reaper.tick()
    #expect(plan.names(.expire) == ["b2"])
    #expect(plan.reason("b0") == .protected(until: .max))
    #expect(plan.reason("b1") == .protected(until: now + 1))
    #expect(plan.reason("main@approved") == .approved)
    #expect(plan.due.map(\.name) == ["b2"])
    // What was protected after it had expired is not deleted.
    reaper["b2"].protectedUntil = .max
    reaper.pass(10 * Self.day)
    let later = reaper.tick()
    #expect(later.names(.expire) == ["b1"])
    #expect(later.reason("b2") == .protected(until: .max))
  }

  @Test func `a branch far beyond its limit ends at once, whoever has files of it open`() {
    var reaper = ReaperFixture()
    for name in ["a", "expired", "kept", "held"] { reaper.add(name) { $0.isBeyondLimit = true } }
    reaper["a"].openFileCount = 3
    // Its time to live lets open files delay its end; its limit does not.
    reaper["a"].ends.expiresAt = reaper.now.wall
    reaper["expired"].state = .expired(since: reaper.now.wall)
    reaper["kept"].protectedUntil = .max
    reaper.add("s", of: "held") { $0.isApproved = true }
    reaper.add("s", of: "a")
    let plan = reaper.tick()
    #expect(plan.steps.map(\.name) == ["a"] && plan.steps.map(\.cause) == [.limit])
    #expect(plan.steps[0].snapshotIDs == [reaper["a@s"].id])
    #expect(plan.reason("kept") == .protected(until: .max))
    #expect(plan.reason("held") == .snapshotApproved("held@s"))
    reaper.state.pause()
    reaper.add("b") { $0.isBeyondLimit = true }
    reaper.pass(Self.second)
    #expect(reaper.tick().steps == [])
  }

  @Test func `a leap of the clock ends no protection at once`() {
    var reaper = ReaperFixture()
    let now = reaper.now.wall
    reaper.addEnded(1)
    reaper["b0"].protectedUntil = now + 30 * Self.minute
    reaper.now.wall += 50 * Self.minute
    #expect(reaper.tick().steps == [])
    #expect(reaper.plan().reason("b0") == .protected(until: now + 30 * Self.minute))
    reaper.pass(30 * Self.minute)
    #expect(reaper.tick().names(.expire) == ["b0"])
  }

  @Test func `a branch takes its snapshots along`() {
    var reaper = ReaperFixture()
    reaper.addEnded(2)
    let first = reaper.add("s1", of: "b0") { $0.ends.expiresAt = 0 }
    let second = reaper.add("s2", of: "b0")
    let gone = reaper.add("s3", of: "b0") { $0.state = .deleted(at: 0, keepUntil: nil) }
    let plan = reaper.tick()
    #expect(plan.names(.expire) == ["b0", "b1"])
    #expect(plan.steps[0].snapshotIDs == [first, second])
    #expect(plan.kept == [])
    reaper.pass(Self.day)
    let deletion = reaper.tick()
    #expect(deletion.names(.delete) == ["b0", "b1"])
    #expect(deletion.steps[0].snapshotIDs == [first, second])
    #expect(reaper["b0@s3"].id == gone)
    #expect(reaper.plan().steps == [])
  }

  @Test func `a branch stays for a snapshot that is protected or approved`() {
    var reaper = ReaperFixture()
    reaper.addEnded(2)
    reaper.add("p", of: "b0") { $0.protectedUntil = .max }
    reaper.add("a", of: "b1") { $0.isApproved = true }
    reaper.add("ended", of: "b1") { $0.ends.expiresAt = 0 }
    let plan = reaper.tick()
    #expect(plan.names(.expire) == ["b1@ended"])
    #expect(plan.reason("b0") == .snapshotProtected("b0@p"))
    #expect(plan.reason("b1") == .snapshotApproved("b1@a"))
    // Also one that was approved or protected after the branch expired.
    reaper["b0@p"].protectedUntil = nil
    #expect(reaper.tick().names(.expire) == ["b0"])
    reaper["b0@p"].isApproved = true
    reaper.pass(2 * Self.day)
    let later = reaper.tick()
    #expect(later.names(.delete) == ["b1@ended"])
    #expect(later.reason("b0") == .snapshotApproved("b0@p"))
  }

  @Test func `a snapshot ends by itself, also while its branch is expired and stays`() {
    var reaper = ReaperFixture()
    reaper.add("main")
    reaper.add("s", of: "main") { $0.ends.expiresAt = $0.createdAt }
    #expect(reaper.tick().names(.expire) == ["main@s"])
    reaper.pass(Self.day)
    // A branch that expires now leaves its expired snapshot its own end.
    reaper["main"].ends.expiresAt = reaper.now.wall
    let plan = reaper.tick()
    #expect(plan.names(.expire) == ["main"] && plan.names(.delete) == ["main@s"])
    #expect(plan.steps.allSatisfy { $0.snapshotIDs == [] })
  }

  @Test func `open files delay an end by an hour at most`() {
    var reaper = ReaperFixture()
    reaper.addEnded(2)
    reaper.add("s", of: "b1") { $0.openFileCount = 2 }
    reaper["b0"].openFileCount = 1
    reaper["b1"].openFileCount = 1
    reaper.add("main")
    reaper.add("s", of: "main") {
      $0.ends.expiresAt = $0.createdAt
      $0.openFileCount = 4
    }
    #expect(reaper.tick().steps == [])
    #expect(reaper.plan().reason("b0") == .openFiles(count: 1))
    #expect(reaper.plan().reason("b1") == .openFiles(count: 3))
    #expect(reaper.plan().reason("main@s") == .openFiles(count: 4))
    reaper["b0"].openFileCount = 0
    #expect(reaper.tick().names(.expire) == ["b0"])
    reaper.pass(Self.hour - 1)
    #expect(reaper.tick().steps == [])
    reaper.pass(1)
    #expect(reaper.tick().names(.expire) == ["b1", "main@s"])
    // Files of what has expired are stale, and delay nothing.
    reaper.pass(Self.day)
    #expect(reaper.tick().names(.delete) == ["b0", "b1", "main@s"])
  }

  @Test func `keep rules let go approved snapshots of their baseline only`() {
    var reaper = ReaperFixture()
    for name in ["prod", "other"] {
      reaper.add(name)
      for number in 0..<5 {
        reaper.add("\(number)", of: name) {
          $0.isApproved = true
          $0.createdAt = Int64(number) * Self.day
        }
      }
    }
    reaper.add("plain", of: "prod") { $0.createdAt = 0 }
    reaper["prod@0"].protectedUntil = .max
    reaper["prod@1"].openFileCount = 1
    #expect(reaper.plan().steps == [])
    var rules = KeepRules()
    rules.last = 2
    reaper.keepRules[reaper["prod"].id] = rules
    let plan = reaper.plan()
    #expect(plan.names(.prune) == ["prod@2"])
    #expect(plan.steps.map(\.cause) == [.keepRules])
    reaper["prod@1"].openFileCount = 0
    #expect(reaper.tick().names(.prune) == ["prod@1", "prod@2"])
    #expect(reaper.tick().steps == [])
  }

  @Test func `what a policy would end at once shows in what is due`() throws {
    var reaper = ReaperFixture()
    reaper.addEnded(2)
    reaper.tick()
    reaper.pass(12 * Self.hour)
    #expect(reaper.plan().due == [])
    reaper.state.pause()
    reaper.policy = try PolicyDocument(Array(#"{"expiredGrace": "12h"}"#.utf8)).policy
    #expect(reaper.plan().due.map(\.name) == ["b0", "b1"])
    #expect(reaper.plan().steps == [])
  }

  @Test func `what is kept says why in words`() {
    let reasons: [KeptEntry.Reason] = [
      .protected(until: .max), .protected(until: 0), .approved, .snapshotProtected("b@s"),
      .snapshotApproved("b@s"), .openFiles(count: 1), .openFiles(count: 2),
      .uptime(seconds: 150, of: .hours(1)), .paused(.administrator), .paused(.repair),
      .paused(.clock), .paused(.journal), .paused(.mass), .mass(dueCount: 12), .cap(stepCount: 20),
    ]
    #expect(
      reasons.map(\.description) == [
        "it is protected for ever", "it is protected until 1970-01-01T00:00:00Z",
        "it is approved: only its baseline's keep rules end it", "its snapshot b@s is protected",
        "its snapshot b@s is approved", "a file of it is open, for an hour at most",
        "2 files of it are open, for an hour at most",
        "it has been expired for 2 minutes of uptime, and must be for 1h",
        "the reaper is paused: somebody paused it", "the reaper is paused: the store was repaired",
        "the reaper is paused: the clock leapt",
        "the reaper is paused: the clock stands behind what the store has recorded",
        "the reaper is paused: too many are due at once",
        "12 are due at once: one ends in a minute until that is accepted",
        "a tick has 20 such steps at most",
      ])
  }
}
