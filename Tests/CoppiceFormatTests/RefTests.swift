import CoppiceFormat
import TestSupport
import Testing

struct RefTests {
  @Test func `refs and locators take 32 and 16 bytes and decode to themselves`() throws {
    var random = SplitMix64(seed: 1)
    for kind in [FrameKind.page, .volumeNode, .tableNode] {
      for _ in 0..<100 {
        let ref = SampleRefs.ref(kind: kind, &random)
        let bytes = SampleBatch.bytes(of: ref)
        #expect(bytes.count == 32)
        #expect(try bytes.withUnsafeBytes { try Ref(decoding: $0) } == ref)
        #expect(try bytes[16...].withUnsafeBytes { try Locator(decoding: $0) } == ref.locator)
      }
    }
  }

  @Test func `a ref's bytes are as documented`() {
    let ref = Ref(
      hash: PageHash(low: 0x0102_0304_0506_0708, high: 9),
      locator: Locator(
        name: FrameName(segment: SegmentID(0xAB), ordinal: 0xCD), offset: 0x1234_5678,
        storedByteCount: 0x00FE_DCBA, form: FrameForm(.page, .zstdOnBase)))
    #expect(
      SampleBatch.bytes(of: ref) == [
        8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0,
        0xCD, 0, 0, 0xAB, 0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0xBA, 0xDC, 0xFE, 0x12,
      ])
  }

  @Test func `a hole is 32 zero bytes, and only a hole has a zero hash`() throws {
    let zeros = [UInt8](repeating: 0, count: 32)
    #expect(SampleBatch.bytes(of: .hole) == zeros)
    #expect(try zeros.withUnsafeBytes { try Ref(decoding: $0) } == .hole)
    let ref = SampleValues.root(1)
    for broken in [
      Ref(hash: .hole, locator: ref.locator), Ref(hash: ref.hash, locator: .hole),
    ] {
      #expect(throws: FormatError.malformed(what: "ref")) {
        try SampleBatch.bytes(of: broken).withUnsafeBytes { try Ref(decoding: $0) }
      }
    }
  }

  @Test func `forms that no frame may have are refused`() {
    let locator = SampleRefs.base(.page)
    for form in UInt8.min...UInt8.max {
      let frameForm = FrameForm(rawValue: form)
      let bytes = SampleBatch.bytes(
        of: Ref(
          hash: PageHash(low: 1, high: 1),
          locator: Locator(
            name: locator.name, offset: 0, storedByteCount: 5, form: frameForm)))
      let decoded = try? bytes.withUnsafeBytes { try Ref(decoding: $0) }
      let valid: Set<UInt8> = [0x10, 0x11, 0x12, 0x23, 0x24, 0x33, 0x34, 0x40]
      #expect((decoded != nil) == valid.contains(form), "form \(form)")
      #expect(frameForm.isValid == valid.contains(form))
    }
  }

  @Test func `a frame has a segment and stored bytes`() {
    for (name, byteCount) in [(FrameName(rawValue: 77), 5), (FrameName(rawValue: 1 << 24), 0)] {
      let locator = Locator(
        name: name, offset: 0, storedByteCount: byteCount, form: FrameForm(.page, .raw))
      let bytes = SampleBatch.bytes(of: Ref(hash: PageHash(low: 1, high: 1), locator: locator))
      #expect(throws: FormatError.malformed(what: "locator")) {
        try bytes.withUnsafeBytes { try Ref(decoding: $0) }
      }
    }
  }
}
