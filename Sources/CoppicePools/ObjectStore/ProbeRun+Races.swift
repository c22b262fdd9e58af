internal import CoppicePlatform
internal import Synchronization

/// Writers that want the same object at once.
extension ProbeRun {
  /// How one round ended for its writers.
  private enum Result {
    case won(ObjectTag)
    /// Too little came back to say who won, if anybody did.
    case unproven(ObjectStoreError?)
  }

  func probeRaces(_ number: Int) throws(ObjectStoreError) {
    round = "writers \(number), create"
    var key = newKey("race-\(number)")
    var created: ObjectTag?
    for attempt in 0... {
      if attempt > 0 { key = newKey("race-\(number)-\(attempt)") }
      let result = try race(number, key, done: "created an object") {
        store, key, bytes throws(ObjectStoreError) in try store.create(key, bytes)
      }
      if case .won(let tag) = result {
        created = tag
        break
      }
      try countRepeat(attempt, result, key)
    }
    guard var tag = created else { return }
    round = "writers \(number), replace"
    for attempt in 0... {
      let old = tag
      let result = try race(number, key, done: "changed an object on the same tag") {
        store, key, bytes throws(ObjectStoreError) in
        try store.replace(key, tagged: old, by: bytes)
      }
      if case .won = result { return }
      try countRepeat(attempt, result, key)
      // Whatever landed meanwhile, or may land yet, is on the old tag.
      do throws(ObjectStoreError) { tag = try connections[0].head(key).tag } catch {
        throw inRound(error)
      }
    }
  }

  private func countRepeat(
    _ attempt: Int, _ result: Result, _ key: ObjectKey
  ) throws(ObjectStoreError) {
    repeatCount += 1
    guard attempt >= ObjectStoreProbe.repeatCountMax, case .unproven(let error) = result else {
      return
    }
    throw error ?? failure("of several writers none wins", key)
  }

  private func race(
    _ number: Int, _ key: ObjectKey, done: String,
    _ write:
      @escaping @Sendable (any ObjectStore, ObjectKey, [UInt8]) throws(ObjectStoreError) ->
      WriteOutcome
  ) throws(ObjectStoreError) -> Result {
    let count = ObjectStoreProbe.writerCount
    let bodies = (0..<count).map(body)
    let (connections, outcomes) = (connections, Outcomes(count))
    pool.perform(count: count) { writer in
      let store = connections[(number + writer) % connections.count]
      outcomes.set(writer) { () throws(ObjectStoreError) in try write(store, key, bodies[writer]) }
    }
    let winners = outcomes.writers { if case .success(.done) = $0 { true } else { false } }
    guard winners.count < 2 else {
      throw failure("\(winners.count) of \(count) writers are told that they \(done)", key)
    }
    if let error = outcomes.failure { throw inRound(error) }
    if let winner = winners.first, case .success(.done(let tag))? = outcomes[winner] {
      try expect(bodies[winner], tag, of: key)
      return .won(tag)
    }
    let unproven = outcomes.writers { if case .success(.refused) = $0 { false } else { true } }
    guard unproven.isEmpty else {
      return .unproven(
        ObjectStoreError(
          .unreachable, "the probe does not learn which of \(count) writers has won", key: key,
          cause: "the probe's round of \(round)"))
    }
    return .unproven(nil)
  }
}

/// What became of each writer.
private final class Outcomes: Sendable {
  typealias Outcome = Swift.Result<WriteOutcome, ObjectStoreError>

  private let values: Mutex<[Outcome?]>

  init(_ count: Int) { values = Mutex(Array(repeating: nil, count: count)) }

  subscript(writer: Int) -> Outcome? { values.withLock { $0[writer] } }

  func set(_ writer: Int, _ write: () throws(ObjectStoreError) -> WriteOutcome) {
    let outcome = Outcome(catching: write)
    values.withLock { $0[writer] = outcome }
  }

  func writers(_ isCounted: (Outcome) -> Bool) -> [Int] {
    values.withLock { values in
      values.indices.filter { values[$0].map(isCounted) ?? false }
    }
  }

  /// What no other round would change.
  var failure: ObjectStoreError? {
    values.withLock { values in
      values.lazy.compactMap { value in
        guard case .failure(let error)? = value else { return nil }
        return error.kind == .unreachable || error.kind == .throttled ? nil : error
      }.first
    }
  }
}
