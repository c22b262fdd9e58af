import CoppiceFormat
import TestSupport
import Testing

struct NodeCodecTests {
  private let codec = NodeCodec()
  private let leaf = NodeHeader(
    kind: .volumeNode, level: 0, firstKey: 512, id: PageHash(low: 3, high: 4))
  private let base = SampleRefs.base(.volumeNode)

  @Test func `full nodes of every kind decode to themselves`() throws {
    var random = SplitMix64(seed: 1)
    let top = NodeHeader(
      kind: .volumeNode, level: 4, firstKey: 0, byteCount: 1 << 56, modified: .min,
      id: PageHash(low: 0, high: 1))
    let table = NodeHeader(
      kind: .tableNode, level: 0, firstKey: (1 << 40) - 256, id: PageHash(low: 1, high: 0))
    for (header, refs) in [
      (leaf, SampleRefs.sequential(&random)), (leaf, SampleRefs.scattered(&random)),
      (leaf, [Ref](repeating: .hole, count: 256)),
      (leaf, [.hole, SampleRefs.ref(&random)] + [Ref](repeating: .hole, count: 254)),
      (leaf, SampleRefs.overridden(SampleRefs.sequential(&random), count: 200, &random)),
      (top, SampleRefs.scattered(kind: .volumeNode, &random)),
      (table, SampleRefs.sequential(kind: .volumeNode, &random)),
    ] {
      let stored = encodeFull(header, refs)
      #expect(stored.count <= NodeCodec.storedByteCountMax)
      let (decoded, decodedRefs) = try decodeFull(stored)
      #expect(decoded == header)
      #expect(decodedRefs == refs)
    }
  }

  @Test func `nodes with any number of overrides decode to themselves`() throws {
    var random = SplitMix64(seed: 2)
    let baseRefs = SampleRefs.scattered(&random)
    for count in 0...256 {
      let refs = SampleRefs.overridden(baseRefs, count: count, &random)
      let stored = encodeOverrides(leaf, refs, baseRefs)
      #expect(try stored.withUnsafeBytes { try NodeCodec.baseLocator(of: $0) } == base)
      let (header, decoded) = try decodeOverrides(stored, baseRefs)
      #expect(header == leaf)
      #expect(decoded == refs)
    }
  }

  @Test func `slots become holes and holes become pages`() throws {
    var random = SplitMix64(seed: 3)
    let first = SampleRefs.scattered(&random)
    let holes = [Ref](repeating: .hole, count: 256)
    var some = first
    for slot in [0, 5, 100, 255] { some[slot] = .hole }
    for (refs, baseRefs) in [
      (holes, first), (first, holes), (some, first), (first, some), (holes, holes),
    ] {
      #expect(try decodeOverrides(encodeOverrides(leaf, refs, baseRefs), baseRefs).1 == refs)
    }
  }

  @Test func `overrides decode in place`() throws {
    var random = SplitMix64(seed: 4)
    var refs = SampleRefs.sequential(&random)
    let changed = SampleRefs.overridden(refs, count: 7, &random)
    let stored = encodeOverrides(leaf, changed, refs)
    _ = try stored.withUnsafeBytes { stored in
      try refs.withUnsafeMutableBufferPointer { refs in
        let pointer = try #require(refs.baseAddress)
        return try codec.decodeOverrides(stored, baseRefs: UnsafePointer(pointer), into: pointer)
      }
    }
    #expect(refs == changed)
  }

  @Test func `ten changed slots take at most 260 bytes, a full leaf of new pages 19 a page`() {
    var random = SplitMix64(seed: 5)
    let refs = SampleRefs.sequential(&random)
    #expect(encodeFull(leaf, refs).count <= 19 * 256)
    for _ in 0..<20 {
      let changed = SampleRefs.overridden(refs, count: 10, &random)
      #expect(encodeOverrides(leaf, changed, refs).count <= 260)
    }
  }

  @Test func `a flip of any byte of a node is found`() throws {
    var random = SplitMix64(seed: 6)
    let refs = SampleRefs.sequential(&random)
    let full = encodeFull(leaf, SampleRefs.scattered(&random))
    let overrides = encodeOverrides(leaf, SampleRefs.overridden(refs, count: 20, &random), refs)
    for index in full.indices {
      var damaged = full
      damaged[index] ^= 1 << UInt8(random.below(8))
      #expect(throws: FormatError.self, "byte \(index)") { try decodeFull(damaged) }
    }
    for index in overrides.indices {
      var damaged = overrides
      damaged[index] ^= 1 << UInt8(random.below(8))
      #expect(throws: FormatError.self, "byte \(index)") { try decodeOverrides(damaged, refs) }
    }
  }

  @Test func `slots must hold what the node's kind and level ask for`() {
    var random = SplitMix64(seed: 7)
    let nodes = SampleRefs.scattered(kind: .volumeNode, &random)
    #expect(throws: FormatError.self) { try decodeFull(encodeFull(leaf, nodes)) }
    let pages = SampleRefs.scattered(&random)
    let inner = NodeHeader(
      kind: .volumeNode, level: 1, firstKey: 1 << 16, id: PageHash(low: 3, high: 4))
    #expect(throws: FormatError.self) { try decodeFull(encodeFull(inner, pages)) }
    #expect(inner.childKind == .volumeNode && leaf.childKind == .page)
    #expect(NodeHeader(kind: .tableNode, level: 0, firstKey: 0).childKind == .volumeNode)
    #expect(NodeHeader(kind: .tableNode, level: 1, firstKey: 0).childKind == .tableNode)
  }

  @Test func `a full node is no node of overrides, and its locator no base of one`() {
    var random = SplitMix64(seed: 8)
    let refs = SampleRefs.sequential(&random)
    let full = encodeFull(leaf, refs)
    let overrides = encodeOverrides(leaf, SampleRefs.overridden(refs, count: 5, &random), refs)
    #expect(throws: FormatError.self) { try decodeFull(overrides) }
    #expect(throws: FormatError.self) { try decodeOverrides(full, refs) }
    let page = SampleBatch.bytes(of: Ref(hash: .hole, locator: SampleRefs.base(.page)))
    #expect(throws: FormatError.malformed(what: "base of a node")) {
      try page[16...].withUnsafeBytes { try NodeCodec.baseLocator(of: $0) }
    }
  }

  @Test func `an id tells content apart, and never place or encoding`() {
    var random = SplitMix64(seed: 9)
    let refs = SampleRefs.sequential(&random)
    let id = NodeCodec.identify(leaf, refs: refs, secret: SampleValues.secret)
    var moved = refs
    for slot in moved.indices { moved[slot].locator.offset &+= 9 }
    var elsewhere = leaf
    elsewhere.firstKey = 1024
    elsewhere.id = .hole
    #expect(NodeCodec.identify(elsewhere, refs: moved, secret: SampleValues.secret) == id)
    var others: Set<PageHash> = [id]
    for header in [
      NodeHeader(kind: .tableNode, level: 0, firstKey: 512),
      NodeHeader(kind: .volumeNode, level: 1, firstKey: 512),
      NodeHeader(kind: .volumeNode, level: 0, firstKey: 512, byteCount: 1),
      NodeHeader(kind: .volumeNode, level: 0, firstKey: 512, modified: 1),
    ] {
      others.insert(NodeCodec.identify(header, refs: refs, secret: SampleValues.secret))
    }
    var swapped = refs
    swapped.swapAt(0, 255)
    others.insert(NodeCodec.identify(leaf, refs: swapped, secret: SampleValues.secret))
    #expect(others.count == 6)
  }

  private func encodeFull(_ header: NodeHeader, _ refs: [Ref]) -> [UInt8] {
    var stored: [UInt8] = [1, 2, 3]
    codec.encodeFull(header, refs: refs, into: &stored)
    return stored
  }

  private func encodeOverrides(
    _ header: NodeHeader, _ refs: [Ref], _ baseRefs: [Ref]
  ) -> [UInt8] {
    var stored: [UInt8] = [1, 2, 3]
    codec.encodeOverrides(header, refs: refs, base: base, baseRefs: baseRefs, into: &stored)
    return stored
  }

  private func decodeFull(_ stored: [UInt8]) throws -> (NodeHeader, [Ref]) {
    var refs = [Ref](repeating: SampleValues.root(1), count: 256)
    let header = try stored.withUnsafeBytes { try codec.decodeFull($0, into: &refs) }
    return (header, refs)
  }

  private func decodeOverrides(
    _ stored: [UInt8], _ baseRefs: [Ref]
  ) throws -> (NodeHeader, [Ref]) {
    var refs = [Ref](repeating: SampleValues.root(1), count: 256)
    let header = try stored.withUnsafeBytes {
      try codec.decodeOverrides($0, baseRefs: baseRefs, into: &refs)
    }
    return (header, refs)
  }
}
