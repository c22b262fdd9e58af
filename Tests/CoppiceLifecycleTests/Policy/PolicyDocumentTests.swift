internal import Coppice
internal import CoppiceErrors
internal import CoppiceLifecycle
internal import Foundation
internal import Testing

/// Policies as they are written.
@Suite struct PolicyDocumentTests {
  private static func read(_ text: String) throws(StoreError) -> PolicyDocument {
    try PolicyDocument(Array(text.utf8))
  }

  private static let full = """
    {
      "rules": [
        {
          "name": "ci-*", "labels": {"team": "billing", "job": ""}, "classes": ["masked", "none"],
          "roles": ["ci"], "ttlDefault": "2h", "ttlMax": "3d", "leaseDefault": "90s",
          "restoreWindow": "1h", "limit": "1.5GiB", "protectMax": "2w"
        },
        {}
      ],
      "ttlRequired": ["ci", "admin"],
      "expiredGrace": "36h",
      "reaper": {"stepCount": 5, "stepPercent": 2, "massCount": 7, "massPercent": 30},
      "space": {"freeByteCount": "10G", "freePercent": 5}
    }
    """

  @Test func `every key is read`() throws {
    let policy = try Self.read(Self.full).policy
    let rule = policy.rules[0]
    #expect(rule.name == NamePattern("ci-*"))
    #expect(rule.labels == ["team": "billing", "job": ""])
    #expect(rule.classes == ["masked", "none"])
    #expect(rule.roles == [.ci])
    #expect(rule.ttlDefault == .hours(2))
    #expect(rule.ttlMax == .days(3))
    #expect(rule.leaseDefault == TimeSpan(seconds: 90))
    #expect(rule.restoreWindow == .hours(1))
    #expect(rule.limit == ByteCount(3 << 29))
    #expect(rule.protectMax == .days(14))
    #expect(policy.rules[1] == PolicyRule())
    #expect(policy.ttlRequired == [.ci, .administrator])
    #expect(policy.expiredGrace == .hours(36))
    #expect(policy.reaper.stepCount == 5)
    #expect(policy.reaper.stepPercent == 2)
    #expect(policy.reaper.massCount == 7)
    #expect(policy.reaper.massPercent == 30)
    #expect(policy.space.freeByteCount == ByteCount(10 << 30))
    #expect(policy.space.freePercent == 5)
  }

  @Test func `what is left out is as it stands in the documentation`() throws {
    let policy = try Self.read(" {} ").policy
    #expect(policy == Policy())
    #expect(policy == PolicyDocument.standard.policy)
    #expect(try PolicyDocument(PolicyDocument.standard.bytes) == PolicyDocument.standard)
    #expect(policy.rules == [])
    #expect(policy.ttlRequired == [.developer, .ci])
    #expect(policy.expiredGrace == .hours(24))
    #expect(policy.reaper.stepCountMax(liveCount: 1999) == 20)
    #expect(policy.reaper.stepCountMax(liveCount: 10_000) == 100)
    #expect(!policy.reaper.isMass(dueCount: 10, liveCount: 0))
    #expect(policy.reaper.isMass(dueCount: 11, liveCount: 43))
    #expect(!policy.reaper.isMass(dueCount: 11, liveCount: 44))
    // 3 % of 1 TiB are more than 2 GiB, and of 16 GiB less.
    #expect(policy.space.marks(ofByteCount: 100 << 30) == (3 << 30, 3 << 29))
    #expect(policy.space.marks(ofByteCount: 16 << 30) == (2 << 30, 1 << 30))
  }

  @Test func `encoding gives the same document back`() throws {
    let document = try Self.read(Self.full)
    #expect(String(decoding: document.bytes, as: UTF8.self) == Self.full)
    let encoded = try JSONEncoder().encode(document.policy)
    #expect(try PolicyDocument(Array(encoded)).policy == document.policy)
    #expect(try JSONDecoder().decode(Policy.self, from: encoded) == document.policy)
    let standard = try JSONEncoder().encode(Policy())
    #expect(try PolicyDocument(Array(standard)).policy == Policy())
  }

  @Test func `an ETag is of the bytes`() throws {
    let etag = try Self.read("{}").etag
    #expect(etag.count == 32 && etag.allSatisfy { $0.isHexDigit })
    #expect(try Self.read("{}").etag == etag)
    #expect(try Self.read("{ }").etag != etag)
    #expect(PolicyDocument.standard.etag != etag)
  }

  @Test(arguments: [
    (#"{"rule": []}"#, "rule", "rules, ttlRequired, expiredGrace, reaper, space"),
    (#"{"rules": {}}"#, "rules", "[{...}"),
    (#"{"rules": [{}, 3]}"#, "rules[1]", "name, labels"),
    (#"{"rules": [{}, {}, {"ttlmax": "3d"}]}"#, "rules[2].ttlmax", "ttlDefault, ttlMax"),
    (#"{"rules": [{}, {"ttlMax": "3d", "ttlMax": "4d"}]}"#, "rules[1].ttlMax", "leave one"),
    (#"{"expiredGrace": "1d", "rules": [], "expiredGrace": "1d"}"#, "expiredGrace", "leave one"),
    (#"{"rules": [{"labels": {"a": "1", "\u0061": "2"}}]}"#, "rules[0].labels.a", "leave one"),
    (#"{"rules": [{"ttlMax": 3600}]}"#, "rules[0].ttlMax", "90s, 15m, 2h, 3d or 2w"),
    (#"{"rules": [{"ttlMax": "1 day"}]}"#, "rules[0].ttlMax", "90s, 15m, 2h, 3d or 2w"),
    (#"{"rules": [{"ttlMax": "0s"}]}"#, "rules[0].ttlMax", "1s is the shortest"),
    (#"{"rules": [{"ttlDefault": "0d"}]}"#, "rules[0].ttlDefault", "1s is the shortest"),
    (#"{"rules": [{"leaseDefault": "0m"}]}"#, "rules[0].leaseDefault", "1s is the shortest"),
    (#"{"rules": [{"ttlDefault": "4d", "ttlMax": "3d"}]}"#, "rules[0].ttlDefault", "3d or less"),
    (#"{"rules": [{"limit": 5}]}"#, "rules[0].limit", "512, 10G or 1.5GiB"),
    (#"{"rules": [{"limit": "0G"}]}"#, "rules[0].limit", "for no limit"),
    (#"{"rules": [{"name": ["a"]}]}"#, "rules[0].name", "a pattern of names"),
    (#"{"rules": [{"name": ""}]}"#, "rules[0].name", "a pattern of names"),
    (#"{"rules": [{"classes": "raw"}]}"#, "rules[0].classes", "raw, masked, schema, none"),
    (#"{"rules": [{"classes": ["secret"]}]}"#, "rules[0].classes", "raw, masked, schema, none"),
    (#"{"rules": [{"roles": ["ci", "ci"]}]}"#, "rules[0].roles", "each once"),
    (#"{"rules": [{"roles": ["root"]}]}"#, "rules[0].roles", "developer, ci, auditor"),
    (#"{"rules": [{"labels": ["a"]}]}"#, "rules[0].labels", #"{"team": "billing"}"#),
    (#"{"rules": [{"labels": {"a": null}}]}"#, "rules[0].labels.a", #"{"team": "billing"}"#),
    (#"{"ttlRequired": "ci"}"#, "ttlRequired", "a list of admin"),
    (#"{"expiredGrace": "59s"}"#, "expiredGrace", "1m is the shortest"),
    (#"{"reaper": {"stepCount": 0}}"#, "reaper.stepCount", "from 1 to 10000"),
    (#"{"reaper": {"massPercent": 101}}"#, "reaper.massPercent", "from 0 to 100"),
    (#"{"reaper": {"stepCount": 1.5}}"#, "reaper.stepCount", "a whole number"),
    (#"{"reaper": {"stepcount": 1}}"#, "reaper.stepcount", "stepCount, stepPercent, massCount"),
    (#"{"reaper": []}"#, "reaper", "stepCount"),
    (#"{"space": {"freePercent": "3"}}"#, "space.freePercent", "a whole number"),
    (#"{"space": {"freeByteCount": "lots"}}"#, "space.freeByteCount", "512, 10G"),
    (#"{"space": {"mark": 1}}"#, "space.mark", "freeByteCount, freePercent"),
    ("[]", "policy", "rules, ttlRequired"),
  ])
  func `what is wrong is refused with its place and what is allowed`(
    _ text: String, place: String, allowed: String
  ) throws {
    let error = try #require(throws: StoreError.self) { try Self.read(text) }
    #expect(error.kind == .invalid)
    #expect(error.object == place)
    #expect("\(error.remedy)".contains(allowed), "\(error)")
  }

  @Test(arguments: [
    ("", "line 1, column 1 wants a value"),
    ("{}x", "line 1, column 3 wants the document's end"),
    ("{\n \"rules\": [,]}", "line 2, column 12 wants a value"),
    ("{\"a\" 1}", "wants a colon"), ("{\"a\": 1 \"b\": 2}", "wants a comma or }"),
    ("{a: 1}", "wants a key in quotation marks"), ("{\"a\": 1,}", "wants a key in quotation marks"),
    ("[1 2]", "wants a comma or ]"), ("[1,]", "wants a value"), ("{", "wants a key"),
    ("[\"a", "wants a quotation mark"), ("[\"\t\"]", "wants a control character written as"),
    ("[\"\\x\"]", "wants an escape of JSON's"), ("[\"\\u12g4\"]", "wants an escape of JSON's"),
    ("[\"\\u12", "wants an escape of JSON's"),
    ("[\"\\ud800\"]", "wants a pair of surrogates"),
    ("[\"\\ud800\\u0041\"]", "wants a pair of surrogates"),
    ("[\"\\udc00\"]", "wants a pair of surrogates"),
    ("[01]", "wants a number without leading zeros"), ("[-]", "wants a value"),
    ("[1.]", "wants a value"), ("[1e]", "wants a value"), ("[tru]", "wants a value"),
    ("[NaN]", "wants a value"), ("// no\n{}", "wants a value"),
    (String(repeating: "[", count: 100_000), "policy has 100000 bytes"),
    (String(repeating: "[", count: 60_000), "wants fewer than 16 levels"),
  ])
  func `what is no JSON is refused with its line and column`(_ text: String, message: String)
    throws
  {
    let error = try #require(throws: StoreError.self) { try Self.read(text) }
    #expect(error.kind == .invalid)
    #expect(error.message.contains(message), "\(error)")
  }

  @Test func `what is no UTF-8 is refused`() throws {
    let error = try #require(throws: StoreError.self) {
      try PolicyDocument(Array("{\"".utf8) + [0xC0, 0x80] + Array("\": 1}".utf8))
    }
    #expect(error.kind == .invalid && error.object == "policy")
    #expect(error.message.contains("UTF-8"))
  }

  @Test func `texts are read with their escapes`() throws {
    let text = #"{"rules": [{"labels": {"\u00e9\ud83d\ude00": "\"\\\/\b\f\n\r\t"}}]}"#
    #expect(try Self.read(text).policy.rules[0].labels == ["é😀": "\"\\/\u{8}\u{C}\n\r\t"])
  }

  @Test func `no change of one byte makes a policy that reads its document otherwise`() throws {
    // What is read at all is encoded and read again as the same.
    var count = 0
    let bytes = Array(Self.full.utf8)
    for index in bytes.indices {
      for byte in [UInt8(ascii: "\""), UInt8(ascii: "1"), UInt8(ascii: "}"), 0, 0xFF] {
        var changed = bytes
        changed[index] = byte
        guard let document = try? PolicyDocument(changed) else { continue }
        let encoded = try JSONEncoder().encode(document.policy)
        #expect(try PolicyDocument(Array(encoded)).policy == document.policy)
        count += 1
      }
    }
    #expect(count > 100)
  }
}
