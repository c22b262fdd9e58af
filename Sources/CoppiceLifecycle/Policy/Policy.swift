internal import CoppiceErrors

/// How long entries live, who may ask for what, and what the reaper is held to.
///
/// Rules are for requests: what an entry was given when it was made or renewed is recorded in it,
/// and no later policy takes that back. Only the grace and the reaper's caps hold for what is
/// there.
package struct Policy: Hashable, Sendable, Codable {
  /// The first that matches holds, and no other.
  package var rules: [PolicyRule] = []
  /// The roles that make nothing without an end.
  package var ttlRequired: [Principal.Role] = [.developer, .ci]
  /// How long an expired branch stays before it is deleted.
  package var expiredGrace: TimeSpan = .hours(24)
  package var reaper = ReaperCaps()
  package var space = SpaceMarks()

  package init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case rules, ttlRequired, expiredGrace, reaper, space
  }

  /// The first rule that matches, with its index.
  package func rule(for subject: PolicySubject) -> (index: Int, rule: PolicyRule)? {
    rules.enumerated().first { $0.element.matches(subject) }.map { ($0.offset, $0.element) }
  }

  /// How messages call a rule: `rules[2] (name ci-*)`.
  package func ruleName(_ index: Int) -> String {
    let conditions = rules[index].conditions
    return conditions.isEmpty ? "rules[\(index)]" : "rules[\(index)] (\(conditions))"
  }
}

/// How much the reaper does at once.
package struct ReaperCaps: Hashable, Sendable, Codable {
  /// Steps of each kind in a tick, at most,
  package var stepCount = 20
  /// or this part of the live branches, in percent, where that is more.
  package var stepPercent = 1
  /// When more branches than this fall due at once,
  package var massCount = 10
  /// and more than this part of the live ones, in percent, one ends in a minute.
  package var massPercent = 25

  package init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case stepCount, stepPercent, massCount, massPercent
  }

  /// How many steps of a kind a tick may have.
  package func stepCountMax(liveCount: Int) -> Int {
    max(stepCount, liveCount * stepPercent / 100)
  }

  /// Whether so many due at once are so many that somebody must look at it.
  package func isMass(dueCount: Int, liveCount: Int) -> Bool {
    dueCount > massCount && dueCount * 100 > liveCount * massPercent
  }
}

/// Below which free space branches may not grow.
package struct SpaceMarks: Hashable, Sendable, Codable {
  /// Free bytes,
  package var freeByteCount = ByteCount(2 << 30)
  /// or free percent of the file system, where that is more.
  package var freePercent = 3

  package init() {}

  enum CodingKeys: String, CodingKey, CaseIterable { case freeByteCount, freePercent }

  /// The free bytes of a file system with `byteCount` bytes below which branches with an end may
  /// not grow, and those below which only protected ones may.
  package func marks(ofByteCount byteCount: UInt64) -> (ended: UInt64, all: UInt64) {
    let part = byteCount / 100 * UInt64(freePercent)
    let mark = max(freeByteCount.value, part)
    return (mark, mark / 2)
  }
}

extension Policy {
  init(_ document: JSONDocument) throws(StoreError) {
    let fields = try JSONFields(document, at: "", keys: CodingKeys.self)
    if let rules = fields[.rules] {
      guard case .list(let elements) = rules else {
        throw StoreError(
          .invalid, "there is \(rules.kind) where a list of rules must be",
          object: fields.path(.rules), remedy: "write [{...}, {...}]")
      }
      for (index, element) in elements.enumerated() {
        self.rules.append(try PolicyRule(element, at: "\(fields.path(.rules))[\(index)]"))
      }
    }
    let roles = Principal.Role.allCases.map { (name: $0.rawValue, value: $0) }
    if let roles = try fields.words(.ttlRequired, of: roles) { ttlRequired = roles }
    if let span = try fields.span(.expiredGrace, minimum: .minutes(1)) { expiredGrace = span }
    if let document = fields[.reaper] {
      reaper = try ReaperCaps(document, at: fields.path(.reaper))
    }
    if let document = fields[.space] { space = try SpaceMarks(document, at: fields.path(.space)) }
  }
}

extension ReaperCaps {
  init(_ document: JSONDocument, at path: String) throws(StoreError) {
    let fields = try JSONFields(document, at: path, keys: CodingKeys.self)
    if let count = try fields.integer(.stepCount, in: 1...10_000) { stepCount = count }
    if let percent = try fields.integer(.stepPercent, in: 0...100) { stepPercent = percent }
    if let count = try fields.integer(.massCount, in: 0...1_000_000) { massCount = count }
    if let percent = try fields.integer(.massPercent, in: 0...100) { massPercent = percent }
  }
}

extension SpaceMarks {
  init(_ document: JSONDocument, at path: String) throws(StoreError) {
    let fields = try JSONFields(document, at: path, keys: CodingKeys.self)
    if let count = try fields.text(.freeByteCount, ByteCount.form, read: ByteCount.init) {
      freeByteCount = count
    }
    if let percent = try fields.integer(.freePercent, in: 0...100) { freePercent = percent }
  }
}
