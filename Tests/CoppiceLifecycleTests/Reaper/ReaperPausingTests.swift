internal import CoppiceLifecycle
internal import Foundation
internal import Testing

/// What holds the reaper back: caps, the brake, pauses, clocks and restarts.
@Suite struct ReaperPausingTests {
  private static let (second, minute) = (ReaperFixture.second, ReaperFixture.minute)
  private static let (hour, day) = (ReaperFixture.hour, ReaperFixture.day)

  // MARK: Caps and the brake

  @Test func `a tick has twenty steps of a kind, or a hundredth of the live branches`() {
    var reaper = ReaperFixture()
    for number in 0..<200 { reaper.add("live\(number)") }
    reaper.addEnded(50)
    let plan = reaper.tick()
    #expect(plan.names(.expire) == (0..<20).map { "b\($0)" })
    #expect(plan.reason("b20") == .cap(stepCount: 20))
    #expect(plan.due.count == 50)
    #expect(reaper.tick().names(.expire).count == 20)
    #expect(reaper.tick().names(.expire).count == 10)

    var large = ReaperFixture()
    for number in 0..<3000 { large.add("live\(number)") }
    large.addEnded(100)
    #expect(large.tick().steps.count == 31)
  }

  @Test func `those that are due for longest go first`() {
    var reaper = ReaperFixture()
    reaper.addEnded(3)
    reaper["b1"].ends.expiresAt = 5
    reaper["b2"].ends.expiresAt = 4
    reaper.policy.reaper.stepCount = 2
    #expect(reaper.tick().names(.expire) == ["b2", "b1"])
  }

  @Test func `when too many are due at once, one ends in a minute until that is accepted`() {
    var reaper = ReaperFixture()
    for number in 0..<20 { reaper.add("live\(number)") }
    reaper.addEnded(40)
    let first = reaper.tick()
    #expect(first.steps.map(\.name) == ["b0"])
    #expect(first.reason("b1") == .mass(dueCount: 40))
    #expect(first.state.pauses == [ReaperPause(reason: .mass)])
    #expect(first.mustBeStored)
    for _ in 0..<5 {
      reaper.pass(10 * Self.second)
      #expect(reaper.tick().steps == [])
    }
    reaper.pass(10 * Self.second)
    #expect(reaper.tick().steps.map(\.name) == ["b1"])

    reaper.state.accept(25)
    #expect(reaper.tick().steps.count == 20)
    #expect(reaper.tick().steps.count == 5)
    // 13 are left: fewer than a quarter of the live ones, but nobody accepted them.
    #expect(reaper.tick().steps == [])
    reaper.run(18)
    #expect(reaper.entries.filter { $0.state == .live }.count == 30)
    // Ten at once are no mass.
    reaper.pass(10 * Self.second)
    let last = reaper.tick()
    #expect(last.steps.count == 10)
    #expect(last.state.pauses == [])
    #expect(reaper.tick().due == [])
  }

  @Test func `what was accepted is void when no longer too many are due`() {
    var reaper = ReaperFixture()
    reaper.addEnded(12)
    reaper.tick()
    reaper.state.accept(1000)
    #expect(reaper.tick().steps.count == 11)
    reaper.tick()
    reaper.addEnded(12, prefix: "c")
    #expect(reaper.tick().steps.count <= 1)
  }

  @Test func `deletions and snapshots are held by the brake too`() {
    var reaper = ReaperFixture()
    reaper.add("main")
    for number in 0..<12 {
      reaper.add("s\(number)", of: "main") { $0.ends.expiresAt = $0.createdAt }
    }
    #expect(reaper.tick().names(.expire) == ["main@s0"])
    reaper.state.accept(12)
    #expect(reaper.tick().steps.count == 11)
    reaper.pass(Self.day)
    #expect(reaper.tick().names(.delete) == ["main@s0"])
    #expect(reaper.tick().steps == [])
  }

  @Test func `ten thousand that are due at once wait`() {
    var reaper = ReaperFixture()
    reaper.addEnded(10_000)
    reaper.run(60)
    #expect(reaper.entries.count { $0.state != .live } == 10)
    reaper.state.accept(9990)
    var counts: [Int] = []
    while counts.last != 0, counts.count < 1000 {
      reaper.pass(10 * Self.second)
      counts.append(reaper.tick().names(.expire).count)
    }
    #expect(counts.max() == 99 && counts.first == 99)
    #expect(reaper.entries.allSatisfy { $0.state != .live })
    // Their deletions fall due as they expired, and are no mass among as many that live.
    #expect(counts.reduce(0, +) == 9990)
  }

  // MARK: Pauses

  @Test func `nothing ends while somebody paused the reaper`() {
    var reaper = ReaperFixture()
    reaper.addEnded(1)
    reaper.state.pause(until: reaper.now.wall + Self.hour)
    let plan = reaper.tick()
    #expect(plan.steps == [])
    #expect(plan.reason("b0") == .paused(.administrator))
    #expect(
      plan.state.pauses == [
        ReaperPause(reason: .administrator, until: reaper.now.wall + Self.hour)
      ])
    reaper.pass(Self.hour)
    #expect(reaper.tick().names(.expire) == ["b0"])

    reaper.addEnded(1, prefix: "c")
    reaper.state.pause(.repair)
    reaper.pass(1000 * Self.day)
    #expect(reaper.tick().reason("c0") == .paused(.repair))
    reaper.state.resume(at: reaper.now)
    #expect(reaper.state.pauses == [])
    #expect(reaper.tick().names(.expire) == ["c0"])
  }

  @Test func `a leap of over an hour ends nothing until it is past or taken as it is`() {
    var reaper = ReaperFixture()
    reaper.add("b") { $0.ends.expiresAt = $0.createdAt + 5 * Self.hour }
    reaper.now.wall += 6 * Self.hour
    var other = reaper
    let plan = reaper.tick()
    #expect(plan.steps == [] && plan.mustBeStored)
    #expect(plan.reason("b") == .paused(.clock))
    #expect(plan.state.pauses == [ReaperPause(reason: .clock)])
    reaper.run(6 * 60 - 1, each: Self.minute)
    #expect(reaper["b"].state == .live)
    reaper.run(1, each: Self.minute)
    #expect(reaper["b"].state != .live)

    other.tick()
    other.state.resume(at: other.now)
    #expect(other.tick().names(.expire) == ["b"])
  }

  @Test func `no leap expires a branch and deletes it`() {
    var reaper = ReaperFixture()
    reaper.add("b") { $0.ends.expiresAt = $0.createdAt + Self.minute }
    reaper.pass(Self.minute)
    reaper.tick()
    reaper.now.wall += 30 * Self.day
    reaper.tick()
    reaper.state.resume(at: reaper.now)
    let plan = reaper.tick()
    #expect(plan.steps == [])
    #expect(plan.reason("b") == .uptime(seconds: 0, of: .hours(1)))
    #expect(plan.due == [])
    reaper.pass(59 * Self.minute)
    #expect(reaper.tick().steps == [])
    reaper.pass(Self.minute)
    #expect(reaper.tick().names(.delete) == ["b"])
  }

  @Test func `a clock behind the newest time in the journal pauses the reaper`() {
    var reaper = ReaperFixture()
    reaper.addEnded(1)
    let newest = reaper.now.wall + Self.minute
    reaper.state.start(at: reaper.now, newestStoredAt: newest, isServer: true)
    #expect(reaper.tick().reason("b0") == .paused(.journal))
    #expect(reaper.state.pauses == [ReaperPause(reason: .journal, until: newest)])
    var other = reaper
    reaper.pass(Self.minute)
    #expect(reaper.tick().names(.expire) == ["b0"])

    // An administrator says that the journal's time was wrong; the next start knows.
    other.state.resume(at: other.now)
    #expect(other.tick().names(.expire) == ["b0"])
    other.state.start(at: other.now, newestStoredAt: newest, isServer: true)
    #expect(other.state.pauses == [])
  }

  // MARK: What is deleted

  @Test func `a leap does not have deleted entries forgotten`() {
    var reaper = ReaperFixture()
    let now = reaper.now.wall
    reaper.add("long") { $0.state = .deleted(at: now, keepUntil: now + 7 * Self.day) }
    reaper.add("short") { $0.state = .deleted(at: now, keepUntil: now + 5 * Self.minute) }
    reaper.add("none") { $0.state = .deleted(at: now, keepUntil: nil) }
    #expect(reaper.tick().heldIDs == [1, 2])
    reaper.pass(5 * Self.minute)
    #expect(reaper.tick().heldIDs == [1])
    reaper.now.wall += 8 * Self.day
    #expect(reaper.tick().heldIDs == [1, 2])
    reaper.state.resume(at: reaper.now)
    #expect(reaper.tick().heldIDs == [1])
    reaper.pass(55 * Self.minute)
    #expect(reaper.tick().heldIDs == [])
  }

  // MARK: Restarts

  @Test func `a lease that ran out without a server gets one more period`() {
    var reaper = ReaperFixture()
    for (name, end) in [("before", Self.minute), ("during", 2 * Self.hour)] {
      reaper.add(name) {
        $0.ends = EntryEnds(leaseUntil: $0.createdAt + end, leasePeriod: .hours(3))
      }
    }
    reaper.add("ttl") { $0.ends.expiresAt = $0.createdAt + 2 * Self.hour }
    reaper.pass(2 * Self.minute)
    #expect(reaper.tick().names(.expire) == ["before"])
    reaper.pass(5 * Self.hour)
    reaper.state.start(at: reaper.now, newestStoredAt: nil, isServer: true)
    #expect(reaper.tick().names(.expire) == ["ttl"])
    // Another restart within the period takes nothing of it away, and adds nothing.
    reaper.pass(Self.hour)
    reaper.tick()
    reaper.pass(Self.minute)
    reaper.state.start(at: reaper.now, newestStoredAt: nil, isServer: true)
    reaper.pass(2 * Self.hour - Self.minute - 1)
    #expect(reaper.tick().steps == [])
    reaper.pass(1)
    #expect(reaper.tick().names(.expire) == ["during"])
  }

  @Test func `a server that never stays gives leases no end, one that stays does`() {
    var reaper = ReaperFixture()
    reaper.add("b") {
      $0.ends = EntryEnds(leaseUntil: $0.createdAt + 1, leasePeriod: .minutes(30))
    }
    for _ in 0..<40 {
      reaper.pass(Self.hour)
      reaper.state.start(at: reaper.now, newestStoredAt: nil, isServer: true)
      #expect(reaper.tick().steps == [])
    }
    reaper.pass(30 * Self.minute)
    #expect(reaper.tick().names(.expire) == ["b"])
  }

  @Test func `a server that starts by a clock ahead of its time keeps no lease until then`() {
    var reaper = ReaperFixture()
    for (name, end) in [("during", Self.hour), ("later", 12 * Self.hour)] {
      reaper.add(name) {
        $0.ends = EntryEnds(leaseUntil: $0.createdAt + end, leasePeriod: .hours(1))
      }
    }
    reaper.pass(2 * Self.hour)
    reaper.now.bootID = "second"
    reaper.now.boot = 0
    reaper.now.wall += 4000 * Self.day
    reaper.state.start(at: reaper.now, newestStoredAt: nil, isServer: true)
    reaper.now.wall -= 4000 * Self.day
    reaper.pass(Self.second)
    reaper.tick()
    reaper.state.resume(at: reaper.now)
    #expect(reaper.tick().steps == [])
    reaper.pass(Self.hour)
    #expect(reaper.tick().names(.expire) == ["during"])
    reaper.pass(9 * Self.hour)
    #expect(reaper.tick().names(.expire) == ["later"])
  }

  @Test func `a pass without a server gives leases nothing`() {
    var reaper = ReaperFixture()
    reaper.add("b") {
      $0.ends = EntryEnds(leaseUntil: $0.createdAt + 1, leasePeriod: .minutes(30))
    }
    reaper.pass(Self.hour)
    reaper.state.start(at: reaper.now, newestStoredAt: nil, isServer: false)
    #expect(reaper.tick().names(.expire) == ["b"])
  }

  @Test func `what is remembered is small, stored when it matters, and read again`() throws {
    var reaper = ReaperFixture()
    for _ in 0..<20 {
      reaper.pass(Self.hour)
      reaper.state.start(
        at: reaper.now, newestStoredAt: reaper.now.wall + Self.day, isServer: true)
      reaper.add("l\(reaper.entries.count)") {
        $0.ends = EntryEnds(leaseUntil: $0.createdAt + 1, leasePeriod: .days(30))
      }
      reaper.tick()
    }
    reaper.state.pause(until: reaper.now.wall + Self.day)
    reaper.now.bootID = "0b9d2a5e-6a68-4a6c-9c1e-2a1d3c0f7f11"
    reaper.addEnded(40)
    #expect(reaper.tick().mustBeStored)
    let encoded = try JSONEncoder().encode(reaper.state)
    #expect(encoded.count < 1500)
    #expect(try JSONDecoder().decode(ReaperState.self, from: encoded) == reaper.state)

    var storedCount = 0
    for _ in 0..<360 {
      reaper.pass(10 * Self.second)
      storedCount += reaper.tick().mustBeStored ? 1 : 0
    }
    #expect((6...8).contains(storedCount))
  }
}
