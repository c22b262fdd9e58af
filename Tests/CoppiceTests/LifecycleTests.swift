import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct LifecycleTests {
  private static let hour: UInt64 = 3600 * 1_000_000_000

  private func after(_ fixture: StoreFixture, hours: Int64) -> Timestamp {
    Timestamp(nanoseconds: fixture.clock.wallNanoseconds() + hours * Int64(Self.hour))
  }

  @Test func `a branch is made with its terms, in one transaction`() throws {
    let fixture = try StoreFixture()
    try fixture.store.createBranch("main")
    let terms = EntryTerms(
      end: .after(.seconds(7200)), leasePeriod: .seconds(3600), owner: "ana",
      labels: ["pr": "42", "team": "\u{FC}ber"])
    try fixture.store.createBranch("pr-42", from: "main", terms: terms)
    try fixture.store.createSnapshot("pr-42@one", terms: EntryTerms(owner: "bob"))
    try fixture.crash(seed: 1)
    let entry = try fixture.store.entry("pr-42")
    #expect(entry.expiresAt == after(fixture, hours: 2) && entry.lifetime == .seconds(7200))
    #expect(entry.leaseUntil == after(fixture, hours: 1) && entry.leasePeriod == .seconds(3600))
    #expect(entry.owner == "ana" && entry.labels == ["pr": "42", "team": "\u{FC}ber"])
    #expect(entry.state == .live && entry.protectedUntil == nil && entry.expiredAt == nil)
    let snapshot = try fixture.store.entry("pr-42@one")
    #expect(snapshot.owner == "bob" && snapshot.labels.isEmpty && snapshot.expiresAt == nil)
  }

  @Test func `terms that break the rules make no branch`() throws {
    let fixture = try StoreFixture()
    let long = String(repeating: "x", count: 256)
    let many = Labels((0..<33).map { (key: "k\($0)", value: "") })
    let bad: [EntryTerms] = [
      EntryTerms(end: .after(.zero)), EntryTerms(end: .after(.seconds(-1))),
      EntryTerms(end: .after(.seconds(1 << 40))), EntryTerms(end: .at(after(fixture, hours: 0))),
      EntryTerms(end: .at(Timestamp(nanoseconds: .max))), EntryTerms(leasePeriod: .zero),
      EntryTerms(leasePeriod: .seconds(Int64.max)), EntryTerms(owner: ""),
      EntryTerms(owner: "a\nb"), EntryTerms(owner: long), EntryTerms(labels: ["": "x"]),
      EntryTerms(labels: ["a=b": "x"]), EntryTerms(labels: ["a\t": "x"]),
      EntryTerms(labels: ["a": "x\u{1B}"]), EntryTerms(labels: ["a": long]),
      EntryTerms(labels: [String(long.prefix(64)): "x"]), EntryTerms(labels: many),
    ]
    for terms in bad {
      let failed = failure { try fixture.store.createBranch("a", terms: terms) }
      #expect(failed?.kind == .invalid, "\(terms)")
      #expect(failed.map { !$0.remedy.isEmpty } == true, "\(terms)")
    }
    #expect(try fixture.store.entries(in: .all).isEmpty)
  }

  @Test func `a renewal begins the lifetime and the lease anew`() throws {
    let fixture = try StoreFixture()
    try fixture.store.createBranch(
      "a", terms: EntryTerms(end: .after(.seconds(7200)), leasePeriod: .seconds(3600)))
    try fixture.store.createBranch("b", terms: EntryTerms(end: .at(after(fixture, hours: 3))))
    try fixture.store.createBranch("c")
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.store.renew([Renewal(name: "a"), Renewal(name: "b"), Renewal(name: "c")])
    #expect(try fixture.store.entry("a").expiresAt == after(fixture, hours: 2))
    #expect(try fixture.store.entry("a").leaseUntil == after(fixture, hours: 1))
    #expect(try fixture.store.entry("b").expiresAt == after(fixture, hours: 2))
    #expect(try fixture.store.entry("c").expiresAt == nil)
    fixture.clock.advance(byNanoseconds: 3 * Self.hour)
    #expect(
      failure { try fixture.store.renew([Renewal(name: "a"), Renewal(name: "b")]) }?.kind
        == .invalid)
    #expect(try fixture.store.entry("a").expiresAt == after(fixture, hours: -1))
    try fixture.store.renew([
      Renewal(name: "b", end: .after(.seconds(3600)), leasePeriod: .seconds(60))
    ])
    let renewed = try fixture.store.entry("b")
    #expect(renewed.expiresAt == after(fixture, hours: 1) && renewed.leasePeriod == .seconds(60))
  }

  @Test func `an expired branch keeps name and content, and comes back by renewal`() throws {
    let fixture = try StoreFixture()
    let branch = try fixture.store.createBranch("a")
    let id = try branch.writeFile("f", [1, 2, 3])
    let file = try branch.open(id)
    let open = failure { try fixture.store.expire(["a"]) }
    #expect(open?.kind == .inUse)
    try fixture.store.expire(["a"], force: true)
    #expect(failure { try [4].withUnsafeBytes { try file.write(at: 0, $0) } }?.reason == .stale)
    file.close()
    #expect(try fixture.store.entries().isEmpty)
    #expect(try fixture.store.entries(in: .named).map(\.state) == [.expired])
    #expect(failure { try fixture.store.createBranch("a") }?.kind == .conflict)
    #expect(failure { try branch.writeFile("g", []) }?.reason == .expired)
    let since = try fixture.store.entry("a").expiredAt
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.store.expire(["a"])
    #expect(try fixture.store.entry("a").expiredAt == since)
    try fixture.crash(seed: 1)
    #expect(try fixture.store.entry("a").state == .expired)
    try fixture.store.renew([Renewal(name: "a")])
    let again = try fixture.store.branch("a")
    #expect(try again.read(id) == [1, 2, 3])
    try again.writeFile("g", [])
    try fixture.store.createSnapshot("a@one")
    try fixture.store.protect(["a@one"])
    #expect(failure { try fixture.store.expire(["a", "a@one"]) }?.reason == .protected)
    #expect(try fixture.store.entry("a").state == .live)
    try fixture.store.unprotect(["a@one"])
    try fixture.store.expire(["a@one"])
    #expect(try fixture.store.entries().map(\.name) == ["a"])
  }

  @Test func `protection, labels and owners change, and are told`() throws {
    let fixture = try StoreFixture()
    try fixture.store.createBranch("a", terms: EntryTerms(labels: ["x": "1", "y": "2"]))
    try fixture.store.label(["a"], ["y": "3", "z": "4"], removing: ["x", "nothing"])
    #expect(try fixture.store.entry("a").labels == ["y": "3", "z": "4"])
    let many = Labels((0..<31).map { (key: "k\($0)", value: "") })
    #expect(failure { try fixture.store.label(["a"], many) }?.kind == .invalid)
    try fixture.store.label(["a"], [:], removing: ["y", "z"])
    #expect(try fixture.store.annotations(of: "a").isEmpty)
    try fixture.store.setOwner(["a"], to: "ana")
    #expect(failure { try fixture.store.setOwner(["a"], to: "") }?.kind == .invalid)
    #expect(try fixture.store.entry("a").owner == "ana")
    try fixture.store.setOwner(["a"], to: nil)
    #expect(try fixture.store.entry("a").owner == nil)
    #expect(
      failure { try fixture.store.protect(["a"], until: .at(after(fixture, hours: 0))) }?.kind
        == .invalid)
    try fixture.store.protect(["a"], until: .at(after(fixture, hours: 1)))
    #expect(try fixture.store.entry("a").protectedUntil == after(fixture, hours: 1))
    #expect(failure { try fixture.store.delete(["a"], force: true) }?.reason == .protected)
    try fixture.store.protect(["a"])
    #expect(try fixture.store.entry("a").protectedUntil == Timestamp(nanoseconds: .max))
    try fixture.store.unprotect(["a"])
    try fixture.store.delete(["a"])
    #expect(failure { try fixture.store.protect(["a"]) }?.kind == .notFound)
  }

  @Test func `why something is protected is told to whoever is refused`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    try store.createBranch("a")
    for reason in ["", "a\nb", String(repeating: "x", count: 256)] {
      #expect(failure { try store.protect(["a"], reason: reason) }?.kind == .invalid)
      #expect(try store.entry("a").protectedUntil == nil)
    }
    try store.protect(["a"], reason: "audit of 2026")
    try fixture.crash(seed: 1)
    #expect(try fixture.store.entry("a").protectionReason == "audit of 2026")
    let refused = failure { try fixture.store.delete(["a"]) }
    #expect(refused?.message == "is protected: audit of 2026" && refused?.reason == .protected)
    // Of the last protection alone.
    try fixture.store.protect(["a"], until: .after(.seconds(60)))
    #expect(try fixture.store.entry("a").protectionReason == nil)
    #expect(failure { try fixture.store.delete(["a"]) }?.message == "is protected")
    try fixture.store.protect(["a"], reason: "again")
    // A fork has neither.
    try fixture.store.createBranch("b", from: "a")
    #expect(try fixture.store.annotations(of: "b").isEmpty)
    try fixture.store.unprotect(["a"])
    #expect(try fixture.store.annotations(of: "a").isEmpty)
  }

  @Test func `who asks for a branch gets the one that is there if it came from the same`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    try store.createBranch("main")
    try store.createBranch("other")
    let terms = EntryTerms(end: .after(.seconds(7200)), owner: "ana")
    let first = try store.obtainBranch("pr", from: "main", terms: terms)
    #expect(first.isNew && !first.wasExpired)
    fixture.clock.advance(byNanoseconds: Self.hour)
    let second = try store.obtainBranch(
      "pr", from: "main", terms: EntryTerms(end: .after(.seconds(7200)), owner: "bob"))
    #expect(!second.isNew && second.branch === first.branch)
    #expect(try store.entry("pr").expiresAt == after(fixture, hours: 2))
    #expect(try store.entry("pr").owner == "ana")
    try store.expire(["pr"])
    let third = try store.obtainBranch("pr", from: "main")
    #expect(!third.isNew && third.wasExpired)
    #expect(try store.entry("pr").state == .live)
    let refused = [
      failure { _ = try store.obtainBranch("pr", from: "other") },
      failure { _ = try store.obtainBranch("pr") },
      failure { _ = try store.obtainBranch("pr", from: "main", domain: "masked") },
    ]
    for error in refused { #expect(error?.kind == .conflict) }
    let same = try store.obtainBranch("pr", from: "other") { _ in true }
    #expect(!same.isNew)
    #expect(failure { _ = try store.obtainBranch("new", from: "nothing") }?.kind == .notFound)
  }

  @Test func `who asks for a branch as its source is now resets the one that is there`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    let main = try store.createBranch("main")
    let made = try store.obtainBranch("pr", from: "main", isResetting: true)
    #expect(made.isNew)
    let file = try made.branch.open(try made.branch.writeFile("own", []))
    try main.writeFile("main", [])
    let open = failure { _ = try store.obtainBranch("pr", from: "main", isResetting: true) }
    #expect(open?.kind == .inUse)
    file.close()
    try store.expire(["pr"])
    let reset = try store.obtainBranch(
      "pr", from: "main", terms: EntryTerms(end: .after(.seconds(60))), isResetting: true)
    #expect(!reset.isNew && reset.wasExpired)
    _ = try store.branch("pr").lookup("main")
    #expect(failure { _ = try store.branch("pr").lookup("own") }?.kind == .notFound)
    #expect(try store.entry("pr").lifetime == .seconds(60))
    try store.protect(["pr"])
    let protected = failure { _ = try store.obtainBranch("pr", from: "main", isResetting: true) }
    #expect(protected?.reason == .protected)
    #expect(!(try store.obtainBranch("pr", from: "main").isNew))
  }

  @Test func `what is restored has a new end`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    try store.createBranch("a", terms: EntryTerms(end: .after(.seconds(7200))))
    try store.createBranch("b", terms: EntryTerms(end: .at(after(fixture, hours: 2))))
    fixture.clock.advance(byNanoseconds: 3 * Self.hour)
    try store.delete(["a", "b"])
    try store.restore("a")
    try store.restore("b")
    #expect(try store.entry("a").expiresAt == after(fixture, hours: 2))
    #expect(try store.entry("b").expiresAt == nil)
    try store.delete(["b"])
    try store.restore("b", as: "c", end: .after(.seconds(3600)))
    #expect(try store.entry("c").expiresAt == after(fixture, hours: 1))
  }

  @Test func `the state before a reset has an end of its own`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    try store.createBranch("main")
    try store.createBranch("a", from: "main", terms: EntryTerms(owner: "ana"))
    try store.reset(
      "a", to: "main", keepingOldAs: "old", oldTerms: EntryTerms(end: .after(.seconds(86_400))))
    #expect(try store.entry("old").expiresAt == after(fixture, hours: 24))
    #expect(try store.entry("old").owner == nil && store.entry("a").owner == "ana")
  }

  @Test func `what is restored stays what it was, a branch or a snapshot`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    for name in ["main", "old"] { try store.createBranch(name) }
    try store.createSnapshot("main@one")
    try store.delete(["old", "main@one"])
    #expect(failure { try store.restore("old", as: "main@two") }?.kind == .invalid)
    #expect(failure { try store.restore("main@one", as: "plain") }?.kind == .invalid)
    #expect(failure { try store.restore("main@one", as: "gone@one") }?.kind == .notFound)
    try store.restore("main@one", as: "main@back")
    #expect(try store.entries().map(\.name) == ["main", "main@back"])
  }

  @Test func `a branch is not reset to itself, protected or with its old state kept`() throws {
    let fixture = try StoreFixture()
    try fixture.store.createBranch("main")
    let kept = failure { try fixture.store.reset("main", to: "main", keepingOldAs: "old") }
    #expect(kept?.kind == .invalid)
    try fixture.store.reset("main", to: "main")
    try fixture.store.protect(["main"])
    #expect(failure { try fixture.store.reset("main", to: "main") }?.reason == .protected)
  }
}
