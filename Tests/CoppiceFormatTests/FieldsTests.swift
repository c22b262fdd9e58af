import CoppiceFormat
import TestSupport
import Testing

@Suite struct FieldsTests {
  @Test func `fields are kept by tag, each once`() {
    var fields = Fields()
    fields.apply([
      FieldChange(FieldTag(7), [7]), FieldChange(FieldTag(4), [4]), FieldChange(FieldTag(7), [8]),
      FieldChange(FieldTag(5), [5]), FieldChange(FieldTag(4), nil), FieldChange(FieldTag(9), nil),
    ])
    #expect(fields.all.map(\.tag.rawValue) == [5, 7])
    #expect(fields[FieldTag(7)] == [8])
    #expect(fields[FieldTag(4)] == nil)
    #expect(fields.byteCount == 14)
  }

  @Test func `a fork takes the inherited fields, and a reset those of its source`() {
    let source = SampleValues.fields
    #expect(source.inherited.all.map(\.tag.rawValue) == [0x4009, 0xC008])
    #expect(source.criticalTags.map(\.rawValue) == [0x8001, 0xC008])
    var own = Fields()
    own.apply([
      FieldChange(FieldTag(4), [1]), FieldChange(FieldTag(0x4009), [2]),
      FieldChange(FieldTag(0x400A), [3]),
    ])
    let taken = own.inheriting(from: source)
    #expect(taken.all.map(\.tag.rawValue) == [4, 0x4009, 0xC008])
    #expect(taken[FieldTag(4)] == [1])
    #expect(taken[FieldTag(0x4009)] == source[FieldTag(0x4009)])
  }

  /// The body of a catalogue without anything but `fields`, or with `settings` before them.
  private func decode(settings: [UInt8] = [0, 0, 0, 0], fields: [UInt8]) throws -> Catalogue {
    let body = [UInt8](repeating: 0, count: 16) + settings + fields
    return try Catalogue.decode(SampleCatalogue.bytes(body: body).span.bytes)
  }

  @Test func `fields that are unsorted, doubled, cut or too long are damage`() throws {
    let two: [UInt8] = [4, 0, 1, 0, 0, 0, 9]
    let one: [UInt8] = [3, 0, 1, 0, 0, 0, 8]
    #expect(try decode(fields: [14, 0, 0, 0] + one + two).extensions[FieldTag(4)] == [9])
    for wrong in [two + one, one + one] {
      #expect(throws: FormatError.malformed(what: "fields")) {
        try decode(fields: [14, 0, 0, 0] + wrong)
      }
    }
    #expect(throws: FormatError.truncated(what: "fields", needed: 1, available: 0)) {
      try decode(fields: [6, 0, 0, 0] + one.prefix(6))
    }
    #expect(
      throws: FormatError.outOfRange(what: "byte count of fields", value: 16385, limit: 16384)
    ) {
      try decode(fields: [1, 0x40, 0, 0] + [UInt8](repeating: 0, count: 16385))
    }
  }

  @Test func `settings that are unsorted, doubled or too long are damage`() throws {
    let a: [UInt8] = [1, 0, 0x61, 1, 0, 0, 0, 5]
    let b: [UInt8] = [1, 0, 0x62, 0, 0, 0, 0]
    let none: [UInt8] = [0, 0, 0, 0]
    #expect(try decode(settings: [2, 0, 0, 0] + a + b, fields: none).settings.count == 2)
    for wrong in [b + a, a + a, [1, 0, 0x61, 0xFF, 0xFF, 0xFF, 0xFF] + b] {
      #expect(throws: FormatError.self) {
        try decode(settings: [2, 0, 0, 0] + wrong, fields: none)
      }
    }
    let long = [1, 0, 0x61, 1, 0, 1, 0] + [UInt8](repeating: 0, count: 65_537)
    #expect(
      throws: FormatError.outOfRange(what: "byte count of a value", value: 65_537, limit: 65_536)
    ) {
      try decode(settings: [1, 0, 0, 0] + long, fields: none)
    }
    #expect(throws: FormatError.malformed(what: "setting's key")) {
      try decode(settings: [1, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0], fields: none)
    }
  }

  @Test func `two spellings of a key are two keys`() throws {
    let composed = try #require(SettingKey("\u{E9}"))
    let decomposed = try #require(SettingKey("e\u{301}"))
    #expect(composed != decomposed)
    #expect(decomposed < composed)
    #expect(SettingKey("") == nil)
    #expect(SettingKey(String(repeating: "x", count: 256)) == nil)
  }
}

/// What only a newer version of the format has is told from damage.
@Suite struct NewerFormatTests {
  @Test func `an id of another realm is not supported`() {
    var random = SplitMix64(seed: 5)
    var ref = SampleRefs.ref(&random)
    ref.locator.name = FrameName(segment: SegmentID(1 << 32 | 7), ordinal: 1)
    #expect(throws: FormatError.unsupported(what: "realm", found: 1)) {
      try SampleBatch.bytes(of: ref).withUnsafeBytes { try Ref(decoding: $0) }
    }
    let record = ControlRecord.unlinked([SegmentID(3 << 32)])
    #expect(throws: FormatError.unsupported(what: "realm", found: 3)) {
      try ControlRecord.decode(kind: .unlinked, record.encode().span.bytes)
    }
    let directory = BundleDirectory(entries: [
      BundleDirectoryEntry(
        hashPrefix: 1, storedByteCount: 1, form: FrameForm(.page, .zstdOnBase),
        volume: VolumeNumber(1), page: PageNumber(0),
        base: FrameName(segment: SegmentID(2 << 32), ordinal: 0))
    ]).encode(hasHomeNames: false)
    #expect(throws: FormatError.unsupported(what: "realm", found: 2)) {
      try BundleDirectory.decode(
        directory.bytes.span.bytes, rawByteCount: directory.rawByteCount, frameCount: 1,
        hasHomeNames: false)
    }
  }

  @Test func `a frame of a reserved kind or encoding is not supported`() {
    for form in [UInt8(0x50), 0xF1, 0x15, 0x1F] {
      let locator = Locator(
        name: FrameName(segment: SegmentID(1), ordinal: 0), offset: 64, storedByteCount: 1,
        form: FrameForm(rawValue: form))
      let bytes = SampleBatch.bytes(of: Ref(hash: PageHash(low: 1, high: 1), locator: locator))
      #expect(throws: FormatError.unsupported(what: "frame form", found: UInt64(form))) {
        try bytes.withUnsafeBytes { try Ref(decoding: $0) }
      }
    }
  }

  @Test func `a record of an unknown kind is not supported`() {
    var bytes = [UInt8](repeating: 0, count: RecordHeader.byteCount)
    bytes[0] = UInt8(RecordHeader.byteCount)
    bytes[4] = 17
    #expect(throws: FormatError.unsupported(what: "record kind", found: 17)) {
      try bytes.withUnsafeBytes { buffer in
        let base = try #require(buffer.baseAddress)
        return try RecordHeader.load(from: base)
      }
    }
  }

  @Test func `a segment with a dictionary or a key is not supported`() {
    for (offset, what) in [(33, "dictionary"), (38, "dictionary"), (40, "encryption key")] {
      var bytes = SampleValues.segmentHeader.encode()
      bytes[offset] = 1
      let sealed = bytes.sealed(checksumAt: 56)
      #expect {
        try SegmentHeader.decode(sealed.span.bytes)
      } throws: { error in
        guard case .unsupported(what, _)? = error as? FormatError else { return false }
        return true
      }
    }
  }
}

@Suite struct DomainSettingTests {
  @Test func `a domain's setting has a number and a class`() throws {
    let setting = DomainSetting(DomainID(0x0102_0304), .schema)
    #expect(setting.encode() == [1, 0, 2, 0, 4, 3, 2, 1])
    #expect(try DomainSetting.decode(setting.encode().span.bytes) == setting)
    #expect(DomainClass.raw < .masked && DomainClass.schema < .impersonal)
    #expect(SettingKey("domain/a/b")?.domainName == "a/b")
    #expect(SettingKey(domainNamed: "é")?.description == "domain/é")
    for key in ["domain", "domains/a", "Domain/a", "policy"] {
      #expect(SettingKey(key)?.domainName == nil, "\(key)")
    }
  }

  @Test func `what is none, or of a newer version, is told apart`() throws {
    func decode(_ bytes: [UInt8]) throws -> DomainSetting {
      try DomainSetting.decode(bytes.span.bytes)
    }
    #expect(throws: FormatError.truncated(what: "trust domain", needed: 4, available: 3)) {
      try decode([1, 0, 0, 0, 1, 0, 0])
    }
    #expect(throws: FormatError.malformed(what: "trust domain")) {
      try decode([1, 0, 0, 0, 0, 0, 0, 0])
    }
    #expect(throws: FormatError.self) { try decode([1, 0, 0, 0, 1, 0, 0, 0, 0]) }
    #expect(throws: FormatError.unsupportedVersion(what: "trust domain", found: 2)) {
      try decode([2, 0, 0, 0, 1, 0, 0, 0, 9, 9])
    }
    #expect(throws: FormatError.unsupported(what: "class of a trust domain", found: 4)) {
      try decode([1, 0, 4, 0, 1, 0, 0, 0])
    }
  }
}
