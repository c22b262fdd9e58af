import CoppiceFormat
import TestSupport
import Testing

struct SuperblockTests {
  private let superblock = SampleValues.superblock

  @Test func `a superblock decodes to itself`() throws {
    #expect(try Superblock.decode(superblock.encode().span.bytes) == superblock)
    #expect(superblock.pageByteCount == 8192)
    #expect(superblock.isWritable)
  }

  @Test func `either copy suffices, whatever happened to the other`() throws {
    let bytes = superblock.encode()
    var random = SplitMix64(seed: 2)
    for copy in 0..<2 {
      let start = copy * Superblock.copyByteCount
      var damaged = bytes
      damaged.replaceSubrange(
        start..<start + Superblock.copyByteCount, with: random.bytes(Superblock.copyByteCount))
      #expect(try Superblock.decode(damaged.span.bytes) == superblock)
      for index in stride(from: start, to: start + Superblock.copyByteCount, by: 7) {
        var flipped = bytes
        flipped[index] ^= 0x10
        #expect(try Superblock.decode(flipped.span.bytes) == superblock)
      }
    }
    let first = Array(bytes.prefix(Superblock.copyByteCount))
    #expect(try Superblock.decode(first.span.bytes) == superblock)
  }

  @Test func `two damaged copies are refused for the first one's reason`() {
    var bytes = superblock.encode()
    bytes[100] ^= 1
    bytes[5000] ^= 1
    #expect(throws: FormatError.checksum(what: "superblock")) {
      try Superblock.decode(bytes.span.bytes)
    }
    #expect(throws: FormatError.badMagic(what: "superblock", found: 0)) {
      try Superblock.decode([UInt8](repeating: 0, count: 8192).span.bytes)
    }
    #expect(throws: FormatError.truncated(what: "superblock", needed: 4096, available: 10)) {
      try Superblock.decode([UInt8](repeating: 0, count: 10).span.bytes)
    }
  }

  @Test func `a newer version and unknown incompatible flags are refused`() {
    var newer = superblock
    newer.formatVersion = 2
    #expect(throws: FormatError.unsupportedVersion(what: "superblock", found: 2)) {
      try Superblock.decode(newer.encode().span.bytes)
    }
    var incompatible = superblock
    incompatible.incompatibleFlags = 4
    #expect(throws: FormatError.unknownFlags(what: "superblock", bits: 4)) {
      try Superblock.decode(incompatible.encode().span.bytes)
    }
    var hash = superblock
    hash.hashKind = 2
    #expect(throws: FormatError.unsupportedVersion(what: "hash kind", found: 2)) {
      try Superblock.decode(hash.encode().span.bytes)
    }
  }

  @Test func `unknown compatible flags are kept, and those that writers must know forbid writing`()
    throws
  {
    var flagged = superblock
    flagged.compatibleFlags = 1 << 63
    flagged.readCompatibleFlags = 2
    let decoded = try Superblock.decode(flagged.encode().span.bytes)
    #expect(decoded == flagged)
    #expect(!decoded.isWritable)
  }

  @Test func `page and node sizes outside of the format are refused`() {
    for shift: UInt8 in [0, 11, 17, 64, 255] {
      var odd = superblock
      odd.pageShift = shift
      #expect(
        throws: FormatError.outOfRange(what: "page shift", value: UInt64(shift), limit: 16)
      ) {
        try Superblock.decode(odd.encode().span.bytes)
      }
    }
    var node = superblock
    node.nodeShift = 9
    #expect(throws: FormatError.outOfRange(what: "node shift", value: 9, limit: 8)) {
      try Superblock.decode(node.encode().span.bytes)
    }
  }

  @Test func `an identity reads as the usual text`() {
    #expect(SampleValues.uuid.description == "efcdab89-6745-2301-1032-547698badcfe")
  }
}
