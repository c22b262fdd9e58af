internal import CoppicePlatform

/// A probe in one style of tags. Used by one thread, which is not always the same.
final class ProbeRun {
  private static let byteCount = 1000

  let connections: [any ObjectStore]
  let pool: WorkerPool
  private let prefix: String
  private var keys: [ObjectKey] = []
  /// What is being looked at: whoever is told of a failure is told of it.
  var round = ""
  var repeatCount = 0

  private var first: any ObjectStore { connections[0] }

  var clockOffset: Duration? { first.clockOffset }

  init(_ connections: [any ObjectStore], prefix: String, pool: WorkerPool) {
    precondition(!connections.isEmpty)
    self.connections = connections
    self.prefix = prefix
    self.pool = pool
  }

  /// Whether the store changes an object on the tag that it has, written in this style.
  func takesTags() throws(ObjectStoreError) -> Bool {
    round = "tags"
    let key = newKey("tags")
    guard
      let tag = try settled({ () throws(ObjectStoreError) in
        try first.create(key, body(0))
      }).tag
    else { throw failure("an object that is not there cannot be created", key) }
    let outcome = try settled { () throws(ObjectStoreError) in
      try first.replace(key, tagged: tag, by: body(1))
    }
    return outcome.tag != nil
  }

  func probe() throws(ObjectStoreError) {
    try probeMissing()
    try probeConditions()
    try probeRanges()
    for number in 1...ObjectStoreProbe.roundCount { try probeRaces(number) }
  }

  /// Best effort: what is left disturbs nobody.
  func removeObjects() {
    for key in keys { try? first.remove(key) }
  }

  func newKey(_ name: String) -> ObjectKey {
    let key = ObjectKey(known: "\(prefix)/\(name)")
    keys.append(key)
    return key
  }

  /// Bytes that only one writer of one object writes, as many for each.
  func body(_ writer: Int) -> [UInt8] {
    let text = Array("\(prefix) \(round) \(keys.count) \(repeatCount) \(writer) ".utf8)
    return (0..<Self.byteCount).map { index in
      index < text.count ? text[index] : UInt8(truncatingIfNeeded: index &* 7 &+ writer)
    }
  }

  func failure(_ problem: String, _ key: ObjectKey?) -> ObjectStoreError {
    ObjectStoreError(
      .invalid, "the store must not be used for a pool: \(problem)", key: key,
      cause: "the probe's round of \(round)")
  }

  /// What an outcome has to be where nobody else writes.
  func settled(
    _ write: () throws(ObjectStoreError) -> WriteOutcome
  ) throws(ObjectStoreError) -> WriteOutcome {
    let outcome: WriteOutcome
    do throws(ObjectStoreError) { outcome = try write() } catch { throw inRound(error) }
    if case .unknown(let cause) = outcome {
      throw ObjectStoreError(
        .unreachable, "the probe does not know whether a write has landed",
        cause: "\(cause), in the probe's round of \(round)")
    }
    return outcome
  }

  /// The same error, with the round that met it.
  func inRound(_ error: ObjectStoreError) -> ObjectStoreError {
    var error = error
    let place = "the probe's round of \(round)"
    error.cause = error.cause.map { "\($0), in \(place)" } ?? place
    return error
  }
}

/// What a store answers while nobody else writes.
extension ProbeRun {
  private func probeMissing() throws(ObjectStoreError) {
    round = "missing objects"
    let key = newKey("missing")
    guard let tag = ObjectTag(header: "0123456789abcdef0123456789abcdef") else { return }
    for store in connections {
      try expectMissing(key, in: store)
      let outcome = try settled { () throws(ObjectStoreError) in
        try store.replace(key, tagged: tag, by: body(0))
      }
      guard outcome == .refused else {
        throw failure("an object that is not there is changed on a tag", key)
      }
      try expectMissing(key, in: store)
    }
  }

  private func expectMissing(
    _ key: ObjectKey, in store: any ObjectStore
  ) throws(ObjectStoreError) {
    do throws(ObjectStoreError) {
      _ = try store.head(key)
      _ = try store.get(key, nil)
    } catch {
      switch error.kind {
      case .missing: return
      case .denied:
        throw ObjectStoreError(
          .denied, "the store does not say that an object is missing: the right to list is needed",
          key: key, cause: inRound(error).cause)
      default: throw inRound(error)
      }
    }
    throw failure("an object that nobody wrote is there", key)
  }

  private func probeConditions() throws(ObjectStoreError) {
    round = "conditions"
    let key = newKey("conditions")
    let store = first
    guard
      let created = try settled({ () throws(ObjectStoreError) in
        try store.create(key, body(0))
      }).tag
    else { throw failure("an object that is not there cannot be created", key) }
    try expect(body(0), created, of: key)
    let again = try settled { () throws(ObjectStoreError) in try store.create(key, body(1)) }
    guard again == .refused else {
      throw failure("an object that is there is created once more", key)
    }
    try expect(body(0), created, of: key)
    guard
      let changed = try settled({ () throws(ObjectStoreError) in
        try store.replace(key, tagged: created, by: body(2))
      }).tag
    else { throw failure("an object is not changed on the tag that it has", key) }
    guard changed != created else { throw failure("other bytes have the same tag", key) }
    try expect(body(2), changed, of: key)
    for store in connections {
      let stale = try settled { () throws(ObjectStoreError) in
        try store.replace(key, tagged: created, by: body(3))
      }
      guard stale == .refused else {
        throw failure("an object is changed on a tag that it has no more", key)
      }
    }
    try expect(body(2), changed, of: key)
  }

  private func probeRanges() throws(ObjectStoreError) {
    round = "ranges"
    let key = newKey("ranges")
    let bytes = body(0)
    guard try settled({ () throws(ObjectStoreError) in try first.create(key, bytes) }).tag != nil
    else { throw failure("an object that is not there cannot be created", key) }
    for store in connections {
      for range in [0..<1, 0..<96, 500..<700, bytes.count - 32..<bytes.count, 0..<bytes.count] {
        let found = try read(key, range, in: store)
        guard found.bytes == Array(bytes[range]), found.byteCount == bytes.count else {
          throw failure("bytes \(range) of an object are not those that were written", key)
        }
      }
      let status: ObjectStatus
      do throws(ObjectStoreError) { status = try store.head(key) } catch { throw inRound(error) }
      guard status.byteCount == bytes.count else {
        throw failure("an object of \(bytes.count) bytes is said to have others", key)
      }
    }
  }

  private func read(
    _ key: ObjectKey, _ range: Range<Int>?, in store: any ObjectStore
  ) throws(ObjectStoreError) -> FetchedObject {
    do throws(ObjectStoreError) { return try store.get(key, range) } catch {
      guard error.kind == .missing || error.kind == .beyondEnd else { throw inRound(error) }
      throw failure("what has just been written cannot be read: \(error.message)", key)
    }
  }

  /// Everybody reads these bytes.
  func expect(
    _ bytes: [UInt8], _ tag: ObjectTag, of key: ObjectKey
  ) throws(ObjectStoreError) {
    for store in connections {
      let found = try read(key, nil, in: store)
      guard found.bytes == bytes else {
        throw failure("other bytes are read than those that were written last", key)
      }
      guard found.tag == tag else {
        throw failure("what was written has another tag when it is read", key)
      }
    }
  }
}
