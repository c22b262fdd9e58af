import CoppiceErrors
import CoppiceFormat
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// Stores and copies of them use one pool, while requests get lost and come late, and the power
/// fails before any request. One seed is one run.
final class PoolSimulation {
  private let seed: UInt64
  private let world: PoolWorld
  private let model: PoolModel
  private var random: SplitMix64
  private var stores: [(store: PoolStore, writer: PoolWriter?)] = []
  /// What the pushes are of whose ids begin so.
  private var states: [UInt32: PushedState] = [:]
  /// Whose step it is.
  private var acting: Int?
  private var isNested = false

  init(seed: UInt64) throws {
    self.seed = seed
    world = PoolWorld(seed: seed)
    model = PoolModel(world, seed: seed)
    random = SplitMix64(seed: seed ^ 0x5EED)
    for name in ["first", "second"] { stores.append((try world.store(name), nil)) }
    _ = try stores[0].store.create()
  }

  func run(stepCount: Int) throws {
    world.objects.rates = .rough
    for _ in 0..<stepCount {
      acting = random.below(stores.count)
      if let acting { step(acting) }
      acting = nil
      try model.check()
    }
    world.objects.rates = SimulatedRates()
    world.objects.deliverHeld()
    try model.check()
    try end()
  }

  /// With everything well again a store goes on, and one that has seen more than the bucket shows
  /// then does not.
  private func end() throws {
    stores[1].writer = nil
    let store = stores[1].store
    store.cutPower()
    let writer = try store.taker()
    let backup = world.objects.copy()
    let name = try store.push(writer)
    try model.check()
    world.clock.advance(byNanoseconds: 2 * 86_400_000_000_000)
    _ = try writer.collect { PoolWorld.live($0) }
    try model.check()
    #expect(try store.entries().contains { $0.name == name }, "seed \(seed)")
    world.objects.setObjects(to: backup)
    expectFailure(.unavailable, .oldObject) { try store.push(writer) }
    expectFailure(.unavailable, .oldObject) { _ = try store.entries() }
  }

  private func step(_ index: Int) {
    // Somebody else acts in the middle of it.
    if !isNested, stores.count > 1, random.oneIn(5) {
      let other = (index + 1 + random.below(stores.count - 1)) % stores.count
      nonisolated(unsafe) let simulation = self
      world.objects.intercept(nil, passing: random.below(8)) {
        // It may come in a later step, of whomever.
        guard let current = simulation.acting, current != other, !simulation.isNested else {
          return
        }
        simulation.isNested = true
        defer { simulation.isNested = false }
        simulation.attempt { try simulation.act(other) }
      }
    }
    let store = stores[index].store
    let isEnding = random.oneIn(6)
    if isEnding { store.connection.end(beforeRequest: random.below(12)) }
    attempt { try act(index) }
    if isEnding {
      store.cutPower()
      stores[index].writer = nil
    }
  }

  /// Whatever fails may fail, but not as damage.
  private func attempt(_ body: () throws -> Void) {
    do { try body() } catch {
      #expect((error as? StoreError)?.kind != .corrupt, "seed \(seed): \(error)")
    }
  }

  private func act(_ index: Int) throws {
    let store = stores[index].store
    guard let writer = stores[index].writer else { return try begin(index) }
    switch random.below(16) {
    case 0..<5:
      let state = world.state(random.bool() ? "main" : "side@\(random.below(9))")
      let intent = try store.announce(writer, state)
      try finish(index, writer, intent, state)
    case 5..<9:
      let intents = try writer.openIntents()
      guard let intent = intents.randomElement(using: &random) else { return }
      try finish(index, writer, intent, intent.ids.flatMap { states[$0.first] } ?? world.state())
    case 9:
      guard let intent = try writer.openIntents().first else { return }
      try writer.close(intent, removing: intent.ids.map { [SegmentID(UInt64($0.first))] } ?? [])
    case 10..<12:
      guard let entry = try writer.entries().randomElement(using: &random) else { return }
      switch random.below(4) {
      case 0: try writer.delete(entry.name)
      case 1: try writer.undelete(entry.name)
      case 2: try writer.hold(entry.name)
      default: try writer.release(entry.name)
      }
    case 12:
      world.clock.advance(byNanoseconds: UInt64(random.below(40)) * 3_600_000_000_000)
      _ = try writer.collect { PoolWorld.live($0) }
    case 13:
      stores[index].writer = nil
    case 14:
      if stores.count < 4 { stores.append((store.copy(), nil)) }
    default:
      world.objects.deliverHeld()
    }
  }

  private func begin(_ index: Int) throws {
    let store = stores[index].store
    if random.oneIn(8) {
      stores[index].writer = try random.bool() ? store.taker() : store.rejoiner()
    } else {
      stores[index].writer = try store.writer()
    }
  }

  private func finish(
    _ index: Int, _ writer: PoolWriter, _ intent: OpenIntent, _ state: PushedState
  ) throws {
    model.give(intent, to: state)
    if let ids = intent.ids { states[ids.first] = state }
    model.acknowledge(try stores[index].store.finish(writer, intent, state), state)
  }
}

@Suite struct PoolSimulationTests {
  @Test func `P1, P3, P4, P7 and P12 hold whatever fails`() throws {
    for seed in SeedRange.chosen(else: 0..<24) {
      try PoolSimulation(seed: seed).run(stepCount: 80)
    }
  }
}
