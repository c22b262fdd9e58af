import CoppiceFormat
import TestSupport
import Testing

/// What the objects of a pool hold.
@Suite struct PoolObjectTests {
  @Test func `what a pool's objects hold decodes to itself`() throws {
    #expect(try PoolHead.decode(SamplePool.head.encode().span.bytes) == SamplePool.head)
    #expect(
      try PoolKeyTable.decode(SamplePool.keyTable.encode().span.bytes) == SamplePool.keyTable)
    #expect(
      try PoolMember.decode(SamplePool.poolMember.encode().span.bytes) == SamplePool.poolMember)
    #expect(
      try PoolRetiredTable.decode(SamplePool.retiredTable.encode().span.bytes)
        == SamplePool.retiredTable)
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `any member's object decodes to itself`(seed: UInt64) throws {
    let member = RandomPool(seed: seed).member()
    let bytes = member.encode()
    #expect(try PoolMember.decode(bytes.span.bytes) == member)
    #expect(throws: FormatError.self) { try PoolMember.decode((bytes + [0]).span.bytes) }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `any head decodes to itself`(seed: UInt64) throws {
    let head = RandomPool(seed: seed).head()
    #expect(try PoolHead.decode(head.encode().span.bytes) == head)
  }

  @Test func `ten thousand entries and a thousand members take little room`() throws {
    var random = SplitMix64(seed: 1)
    var member = SamplePool.poolMember
    member.nextEntry = 10_001
    member.entries = (1...10_000 as ClosedRange<UInt64>).map { index in
      var entry = PoolEntry(
        id: PoolEntryID(index), branch: BranchID(index % 20 + 1), domain: .standard,
        root: SampleRefs.ref(kind: .tableNode, &random),
        createdAt: SampleValues.time + Int64(random.below(1 << 50)), name: "main-\(index % 20)")
      entry.publishedAt = entry.createdAt + Int64(random.below(1 << 32))
      entry.logicalByteCount = UInt64(random.below(1 << 40))
      entry.newByteCount = UInt64(random.below(1 << 30))
      return entry
    }
    let bytes = member.encode()
    #expect(bytes.count < 1_200_000)
    #expect(try PoolMember.decode(bytes.span.bytes) == member)
    var head = SamplePool.head
    head.members = (1...1000 as ClosedRange<UInt16>).map { number in
      PoolMemberListing(
        number: PoolMemberNumber(number), id: PoolMemberID(low: random.next(), high: random.next()),
        label: "laptop-\(number).example")
    }
    let headBytes = head.encode()
    #expect(headBytes.count < 100_000)
    #expect(try PoolHead.decode(headBytes.span.bytes) == head)
  }

  @Test func `an object remembers the last attempt of 256 members each`() {
    var revision = PoolRevision(nonce: SamplePool.nonce(1))
    for number in 1...300 {
      revision = revision.next(
        by: PoolMemberNumber(UInt16(number)), PoolAttempt(UInt64(number)), nonce: revision.nonce)
    }
    #expect(revision.sequence == 300 && revision.receipts.count == PoolRevision.receiptCountMax)
    #expect(revision.attempt(of: PoolMemberNumber(44)) == nil)
    #expect(revision.attempt(of: PoolMemberNumber(45)) == PoolAttempt(45))
    revision = revision.next(by: PoolMemberNumber(45), PoolAttempt(700), nonce: revision.nonce)
    #expect(revision.receipts.count == 256)
    #expect(revision.attempt(of: PoolMemberNumber(45)) == PoolAttempt(700))
    #expect(revision.attempt(of: PoolMemberNumber(46)) == PoolAttempt(46))
  }

  @Test func `who does not know a flag keeps it, or does not write, or refuses`() throws {
    var head = SamplePool.head
    #expect(!head.isWritable)
    head.extensions = Fields()
    #expect(head.isWritable)
    head.readCompatibleFlags = 2
    #expect(try !PoolHead.decode(head.encode().span.bytes).isWritable)
    head.incompatibleFlags = 8
    #expect(throws: FormatError.unknownFlags(what: "pool head", bits: 8)) {
      try PoolHead.decode(head.encode().span.bytes)
    }
    var member = SamplePool.poolMember
    member.entries[0].flags.insert(PoolEntryFlags(rawValue: 0x8000_0000))
    #expect(try PoolMember.decode(member.encode().span.bytes) == member)
    #expect(member.isWritable)
    member.extensions[FieldTag(0x8001)] = []
    #expect(try !PoolMember.decode(member.encode().span.bytes).isWritable)
    member.entries[0].flags.insert(PoolEntryFlags(rawValue: 64))
    #expect(throws: FormatError.unknownFlags(what: "pool entry", bits: 64)) {
      try PoolMember.decode(member.encode().span.bytes)
    }
  }

  @Test func `segment ids that overlap, or that 32 bits do not hold, are refused`() {
    for (first, count, isValid) in [
      (1, 1, true), (.max, 1, true), (1, .max, true), (0, 1, false), (1, 0, false),
      (.max, 2, false), (2, .max, false),
    ] as [(UInt32, UInt32, Bool)] {
      var member = SamplePool.poolMember
      member.intents[0].first = first
      member.intents[0].count = count
      let bytes = member.encode()
      #expect(((try? PoolMember.decode(bytes.span.bytes)) != nil) == (isValid || count == 0))
    }
    let run = PoolSegmentRun(first: .max, count: 1)
    #expect(run.contains(.localMax) && !run.contains(SegmentID(1)))
  }
}

/// Pools of random values.
private struct RandomPool {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func revision() -> PoolRevision {
    var revision = PoolRevision(sequence: random.next() >> 1, nonce: random.bytes(16))
    for _ in 0..<random.below(5) {
      revision = revision.next(
        by: PoolMemberNumber(UInt16(random.below(4))), PoolAttempt(random.next()),
        nonce: random.bytes(16))
    }
    return revision
  }

  private mutating func fields() -> Fields {
    var fields = Fields()
    for _ in 0..<random.below(3) {
      fields[FieldTag(UInt16(random.below(1 << 16)))] = random.bytes(random.below(40))
    }
    return fields
  }

  private mutating func runs() -> [PoolSegmentRun] {
    var next = 1 as UInt64
    var runs: [PoolSegmentRun] = []
    for _ in 0..<random.below(6) {
      let first = next + UInt64(random.below(3))
      let count = UInt64(1 + random.below(1 << 20))
      runs.append(PoolSegmentRun(first: UInt32(first), count: UInt32(count)))
      next = first + count
    }
    return runs
  }

  private mutating func text(_ byteCountMax: Int) -> String {
    String(repeating: random.bool() ? "é" : "x", count: random.below(byteCountMax / 2 + 1))
  }

  private mutating func time() -> Int64 { Int64(bitPattern: random.next()) }

  private mutating func entry(_ id: UInt64) -> PoolEntry {
    var entry = PoolEntry(
      id: PoolEntryID(id), branch: BranchID(random.next()),
      domain: DomainID(UInt32(random.below(9))),
      root: random.bool() ? .hole : SampleRefs.ref(kind: .tableNode, &random),
      createdAt: time(), name: text(401))
    entry.epoch = UInt32(random.below(1 << 30))
    entry.flags = PoolEntryFlags(rawValue: UInt32(random.below(64)) | 1 << 17)
    entry.lastCycle = random.next()
    entry.lsn = LSN(random.next())
    entry.publishedAt = time()
    entry.verifiedAt = time()
    entry.drill = PoolDrill(
      at: time(), status: Int32(random.below(300)) - 1,
      seconds: UInt32(random.below(1 << 30)), byteCount: random.next())
    entry.deletedAt = time()
    entry.releasedAt = time()
    entry.lockedUntil = time()
    entry.logicalByteCount = random.next()
    entry.newByteCount = random.next()
    entry.movedTo = PoolMemberNumber(UInt16(random.below(1 << 16)))
    entry.annotations = fields()
    for _ in 0..<random.below(3) {
      entry.pins.append(
        PoolPin(
          member: PoolMemberNumber(UInt16(random.below(9))), purpose: UInt16(random.below(3)),
          incarnation: random.next(), since: time()))
    }
    return entry
  }

  private mutating func entryNames() -> [PoolEntryName] {
    (0..<random.below(4)).map { _ in
      PoolEntryName(
        member: PoolMemberNumber(UInt16(random.below(9))), entry: PoolEntryID(random.next()))
    }
  }

  consuming func member() -> PoolMember {
    var pool = self
    var member = PoolMember(
      revision: pool.revision(),
      id: PoolMemberID(low: pool.random.next(), high: pool.random.next()),
      number: PoolMemberNumber(UInt16(pool.random.below(1 << 16))),
      state: PoolMemberState.allCases[pool.random.below(3)])
    member.cycle = pool.random.next()
    member.incarnation = pool.random.next()
    member.changeCount = pool.random.next()
    member.nextID = pool.random.next()
    member.lastContact = pool.time()
    let count = pool.random.below(30)
    member.entries = (0..<count).map { pool.entry(3 * UInt64($0)) }
    member.nextEntry = 3 * UInt64(count) + 1
    member.anchors = pool.entryNames()
    for _ in 0..<pool.random.below(3) {
      member.intents.append(
        PoolIntent(
          attempt: PoolAttempt(pool.random.next()), first: UInt32(pool.random.below(1 << 20)) + 1,
          count: UInt32(pool.random.below(99)), key: PoolKeyID(UInt32(pool.random.below(9))),
          supports: pool.entryNames()))
    }
    member.published = pool.runs().map {
      PoolPublishedRun($0, domain: DomainID($0.count), key: PoolKeyID($0.first))
    }
    member.shredded = pool.random.bool() ? [] : [DomainID(0), DomainID(.max)]
    member.extensions = pool.fields()
    return member
  }

  consuming func head() -> PoolHead {
    var pool = self
    var head = PoolHead(
      revision: pool.revision(), pageShift: UInt8(12 + pool.random.below(5)),
      secret: pool.random.bytes(192), place: pool.text(2000))
    head.keyTableDigest = pool.random.bytes(32)
    head.compatibleFlags = pool.random.next()
    head.readCompatibleFlags = pool.random.next()
    head.cycle = pool.random.next()
    head.collector = PoolMemberNumber(UInt16(pool.random.below(1 << 16)))
    head.retired = pool.random.next()
    head.nextBranch = .max
    head.domains = DomainClass.allCases.map {
      PoolDomain(DomainID(UInt32($0.rawValue) * 7), $0, name: pool.text(255))
    }
    head.members = (1...UInt16(1 + pool.random.below(20))).map { number in
      PoolMemberListing(
        number: PoolMemberNumber(number), state: .joining,
        kind: PoolMemberKind.allCases[pool.random.below(2)],
        id: PoolMemberID(low: pool.random.next(), high: pool.random.next()), label: pool.text(200))
    }
    head.blocks = pool.runs().map { PoolSegmentBlock($0, member: PoolMemberNumber(1)) }
    head.branches = (0..<pool.random.below(20)).map { index in
      PoolBranch(
        id: BranchID(UInt64(index) * 11), member: PoolMemberNumber(2), name: pool.text(401))
    }
    head.extensions = pool.fields()
    return head
  }
}
