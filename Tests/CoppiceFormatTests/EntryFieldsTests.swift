import CoppiceFormat
import TestSupport
import Testing

@Suite struct EntryFieldsTests {
  @Test func `values come back as they were`() {
    for time in [Int64.min, -1, 0, 1, .max] {
      #expect(EntryField.time(in: EntryField.value(ofTime: time)) == time)
      let read = EntryField.timeAndSpan(in: EntryField.value(ofTime: time, every: 7))
      #expect(read?.time == time && read?.span == 7)
    }
    let labels = [("a", ""), ("pr", "42"), ("\u{FC}", String(repeating: "x", count: 255))]
    let read = EntryField.labels(
      in: EntryField.value(ofLabels: labels.map { (key: $0.0, value: $0.1) }))
    #expect(read?.map(\.key) == labels.map(\.0) && read?.map(\.value) == labels.map(\.1))
    #expect(EntryField.value(ofTime: 0x0102) == [2, 1, 0, 0, 0, 0, 0, 0])
    #expect(EntryField.value(ofLabels: [("k", "v")]) == [1, 0x6B, 1, 0x76])
  }

  @Test func `bytes of any other form are no value`() {
    #expect(EntryField.time(in: []) == nil && EntryField.time(in: [1, 2]) == nil)
    #expect(EntryField.timeAndSpan(in: [UInt8](repeating: 0, count: 15)) == nil)
    #expect(EntryField.timeAndSpan(in: EntryField.value(ofTime: 1, every: -1)) == nil)
    for labels: [UInt8] in [[1], [1, 0x61], [1, 0x61, 2, 0x62], [1, 0xFF, 0]] {
      #expect(EntryField.labels(in: labels) == nil, "\(labels)")
    }
    var generator = SplitMix64(seed: 3)
    for _ in 0..<2000 {
      let bytes = generator.bytes(generator.below(40))
      guard let labels = EntryField.labels(in: bytes) else { continue }
      #expect(EntryField.value(ofLabels: labels) == bytes)
    }
  }

  @Test func `a restriction that cannot be read holds for ever`() {
    var fields = Fields()
    #expect(fields.protectedUntil == nil && fields.expiredSince == nil && fields.keepUntil == nil)
    for tag in [FieldTag.protected, .expired, .keepUntil] { fields[tag] = [1, 2, 3] }
    #expect(fields.protectedUntil == .max && fields.keepUntil == .max && fields.expiredSince == 0)
    #expect(fields.unknownCriticalTags.isEmpty && fields.criticalTags.count == 3)
    fields[FieldTag(0x8F00)] = []
    #expect(fields.unknownCriticalTags == [FieldTag(0x8F00)])
  }

  @Test func `what is not protected has no reason for that`() {
    var fields = Fields()
    fields[.protectionReason] = Array("audit".utf8)
    #expect(fields.protectionReason == nil)
    fields[.protected] = EntryField.value(ofTime: .max)
    #expect(fields.protectionReason == "audit")
    fields[.protectionReason] = [0xFF]
    #expect(fields.protectionReason == nil && fields.protectedUntil == .max)
  }

  @Test func `how something ended comes back as it was, and nothing else does`() {
    for cause in [Ending.Cause.ttl, .lease, .limit, .expire] {
      for by in [nil, "ana", "\u{FC}"] {
        let ending = Ending(cause, isByItself: by == nil, group: BranchID(0x0102), by: by)
        #expect(Ending(ending.value) == ending)
      }
    }
    let value = Ending(.lease, isByItself: true, group: BranchID(0x0102)).value
    #expect(value == [2, 1, 2, 1, 0, 0, 0, 0, 0, 0])
    #expect(Ending([]) == nil && Ending(value.dropLast()) == nil)
    for (index, byte) in [(0, 0), (0, 5), (1, 2)] {
      var other = value
      other[index] = UInt8(byte)
      #expect(Ending(other) == nil)
    }
    #expect(Ending(value + [0xFF]) == nil)
  }

  @Test func `of what ended by itself a condemned entry keeps what its proof tells`() {
    var entry = BranchEntry(id: BranchID(7), name: "a", createdAt: 1)
    for tag in [FieldTag.expiry, .owner, .labels, .origin, .keepUntil, .limit] {
      entry.annotations[tag] = [1]
    }
    let condemnation = Condemnation(branch: entry.id, pageCount: 3, hasRefs: false)
    entry.annotations[.ending] = Ending(.ttl, group: entry.id).value
    var deleted = entry
    deleted.condemn(condemnation, isForGood: false)
    #expect(deleted.annotations.all.map(\.tag) == [FieldTag(0)] && !deleted.endedByItself)
    entry.annotations[.ending] = Ending(.ttl, isByItself: true, group: entry.id).value
    entry.condemn(condemnation, isForGood: false)
    #expect(
      entry.annotations.all.map(\.tag) == [FieldTag(0), .owner, .labels, .ending, .origin])
    #expect(entry.endedByItself && entry.unsealedPageCount == 3)
  }

  @Test func `tags are those that the format names`() {
    let tags: [(FieldTag, UInt16)] = [
      (.protected, 0x8001), (.expired, 0x8002), (.keepUntil, 0x8003), (.expiry, 4), (.lease, 5),
      (.owner, 6), (.labels, 7), (.origin, 0xC009), (.limit, 10), (.approval, 0x800B),
      (.part, 0x800F), (.protectionReason, 17), (.ending, 18),
      (.deletionOrder, 19),
    ]
    for (tag, number) in tags { #expect(tag.rawValue == number) }
  }

  @Test func `labels are found whole, at their places alone`() {
    func value(_ labels: [(String, String)]) -> [UInt8] {
      EntryField.value(ofLabels: labels.map { (key: $0.0, value: $0.1) })
    }
    let all = value([("pr", "42"), ("team", "billing"), ("x", "")])
    func has(_ wanted: [(String, String)], in bytes: [UInt8]) -> Bool {
      EntryField.labels(in: bytes, have: wanted.map { value([$0]) })
    }
    #expect(has([], in: all) && has([], in: []))
    #expect(has([("pr", "42")], in: all) && has([("x", ""), ("team", "billing")], in: all))
    #expect(!has([("pr", "4")], in: all) && !has([("pr", "42"), ("y", "")], in: all))
    #expect(!has([("pr", "42")], in: []))
    // A value that reads like a label, and values that end too early.
    #expect(!has([("a", "b")], in: value([("key", "\u{1}a\u{1}b")])))
    for count in 0..<all.count { _ = has([("x", "")], in: Array(all[..<count])) }
  }
}
