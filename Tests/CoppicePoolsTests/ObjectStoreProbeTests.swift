import CoppicePlatform
import CoppicePools
import PoolTestSupport
import Testing

@Suite struct ObjectStoreProbeTests {
  /// With writers one after the other, so that a seed means one run.
  private func probe(
    _ store: SimulatedObjectStore, gateways: Int = 1
  ) throws -> Result<ProbeReport, ObjectStoreError> {
    let probe = ObjectStoreProbe(token: 7, pool: try WorkerPool(threadCount: 0)) { _ in
      (0..<gateways).map { store.connection("gateway \($0)", gateway: $0) }
    }
    return Result { () throws(ObjectStoreError) in try probe.run() }
  }

  private func error(_ result: Result<ProbeReport, ObjectStoreError>) -> ObjectStoreError? {
    if case .failure(let error) = result { error } else { nil }
  }

  @Test func `a store that keeps its word passes, and nothing is left in it`() throws {
    let store = SimulatedObjectStore()
    store.clockOffset = .seconds(90)
    let report = try probe(store, gateways: 3).get()
    #expect(report.tagStyle == .quoted)
    #expect(report.clockOffset == .seconds(90))
    #expect(report.roundCount == 16)
    #expect(report.repeatCount == 0)
    #expect(store.keys == [])
  }

  @Test(arguments: [
    (SimulatedConditions.ignored, "missing"), (.ignoredOnCreate, "conditions"),
    (.ignoredOnReplace, "missing"), (.missingHasAnyTag, "missing"), (.checkedEarly, ""),
  ])
  func `a store that breaks conditions is refused, with the round`(
    conditions: SimulatedConditions, round: String
  ) throws {
    let store = SimulatedObjectStore(conditions: conditions)
    let found = try #require(error(try probe(store)))
    #expect(found.kind == .invalid)
    #expect(found.cause?.contains("the probe's round of \(round)") ?? false, "\(found)")
    #expect(store.keys == [])
  }

  @Test func `a store that keeps conditions within a gateway is refused`() throws {
    let store = SimulatedObjectStore(conditions: .keptByGateway)
    #expect(error(try probe(store, gateways: 1)) == nil)
    let found = try #require(error(try probe(store, gateways: 2)))
    #expect(found.kind == .invalid)
  }

  @Test func `of writers one after the other, the first wins each round`() throws {
    let store = SimulatedObjectStore()
    _ = try probe(store).get()
    let races = store.operations.filter { $0.key.contains("/race-") }
    #expect(races.count { $0.kind == .create } == 16 * 8)
    #expect(races.count { $0.kind == .replace } == 16 * 8)
  }

  @Test func `a round whose answers prove nothing begins anew`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.contended, .create, keyPrefix: "probe/7/quoted/race-3", failing: 8))
    #expect(try probe(store).get().repeatCount == 1)
  }

  @Test func `when nobody ever wins, the store is refused`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.contended, .replace, keyPrefix: "probe/7/quoted/race", failing: 999))
    let found = try #require(error(try probe(store)))
    #expect(found.kind == .invalid)
    #expect(found.cause == "the probe's round of writers 1, replace")
  }

  @Test func `the winner whose answer was lost is found by its bytes`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.lostAnswer, .create, keyPrefix: "probe/7/quoted/race-2"))
    // Nobody is told that it won, so the round proves nothing.
    #expect(try probe(store).get().repeatCount == 1)
  }

  @Test func `a store that reads old bytes is refused`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.stale, .get, keyPrefix: "probe/7/quoted/conditions"))
    let found = try #require(error(try probe(store)))
    #expect(found.kind == .invalid)
    #expect(found.cause == "the probe's round of conditions")
  }

  @Test func `a store that hides missing objects is refused`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.denied, .head, keyPrefix: "probe/7/quoted/missing"))
    let found = try #require(error(try probe(store)))
    #expect(found.kind == .denied)
    #expect(found.message.contains("right to list"))
  }

  @Test func `no answer is no verdict`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.unreachable, .get, passing: 20, failing: 999))
    #expect(error(try probe(store))?.kind == .unreachable)
  }
}
