public import CoppiceFormat

/// A small pool as values: one of every structure, the same in every run.
public enum SamplePool {
  public static let id = StoreUUID(low: 0x0011_2233_4455_6677, high: 0x8899_AABB_CCDD_EEFF)
  public static let member = PoolMemberID(low: 0xEFCD_AB89_6745_2301, high: 0x0123_4567_89AB_CDEF)
  public static let endedMember = PoolMemberID(low: 7, high: 8)
  public static let time = SampleValues.time
  public static let poolKey = PoolKeyID(1)
  public static let dataKey = PoolKeyID(3)

  public static func nonce(_ seed: UInt64) -> [UInt8] { SplitMix64.bytes(16, seed: seed) }

  public static let names: [PoolObjectName] = [
    .head, .member(member), .member(endedMember), .segment(SegmentID(1)),
    .segment(SegmentID(0x1234_56AB)), .segment(.localMax), .retired(cycle: 1),
    .retired(cycle: .max),
  ]

  public static let headers = names.enumerated().map { index, name in
    PoolObjectHeader(
      name, pool: id, key: PoolKeyID(UInt32(index)), contentByteCount: index * 70_000,
      salt: SplitMix64.bytes(PoolObjectHeader.saltByteCount, seed: UInt64(index)))
  }

  public static let revision: PoolRevision = {
    PoolRevision(sequence: 40, nonce: nonce(1))
      .next(by: PoolMemberNumber(2), PoolAttempt(9), nonce: nonce(2))
      .next(by: PoolMemberNumber(1), PoolAttempt(77), nonce: nonce(3))
  }()

  /// With wrapped keys that nothing opens.
  public static let keyTable = PoolKeyTable(
    wrappers: [
      PoolWrapper(
        id: PoolWrapperID(1), salt: SplitMix64.bytes(16, seed: 1), wrapped: wrapped(2),
        label: "office"),
      PoolWrapper(
        id: PoolWrapperID(3), kind: 9, salt: SplitMix64.bytes(16, seed: 3), wrapped: wrapped(4),
        label: "récupération"),
    ],
    keys: [
      PoolKey(id: poolKey, domain: nil, createdAt: time, wrapped: wrapped(5)),
      PoolKey(
        id: PoolKeyID(2), domain: .standard, state: .former, createdAt: time, wrapped: wrapped(6)),
      PoolKey(id: dataKey, domain: .standard, createdAt: time + 1, wrapped: wrapped(7)),
      PoolKey(
        id: PoolKeyID(4), domain: DomainID(2), state: .dropped, createdAt: time + 2,
        wrapped: .dropped),
    ],
    extensions: SampleValues.fields)

  private static func wrapped(_ seed: UInt64) -> PoolWrappedKey {
    PoolWrappedKey(bytes: SplitMix64.bytes(PoolWrappedKey.byteCount, seed: seed))
  }

  public static let head: PoolHead = {
    var head = PoolHead(
      revision: revision, pageShift: 12, secret: SampleValues.secret.bytes,
      place: "backups/team-é/coppice")
    head.keyTableDigest = SplitMix64.bytes(32, seed: 8)
    head.compatibleFlags = 1 << 40
    head.cycle = 6
    head.collector = PoolMemberNumber(2)
    head.retired = 5
    head.nextBranch = 9
    head.domains = [
      PoolDomain(.standard, .raw, name: "raw"), PoolDomain(DomainID(2), .masked, name: "masked"),
    ]
    head.members = [
      PoolMemberListing(
        number: PoolMemberNumber(1), state: .ended, id: endedMember, label: "old laptop"),
      PoolMemberListing(
        number: PoolMemberNumber(2), kind: .ephemeral, id: member, label: "db.example"),
    ]
    head.blocks = [
      PoolSegmentBlock(PoolSegmentRun(first: 1, count: 1024), member: PoolMemberNumber(1)),
      PoolSegmentBlock(
        PoolSegmentRun(first: 1025, count: PoolSegmentBlock.countStandard),
        member: PoolMemberNumber(2)),
    ]
    head.branches = [
      PoolBranch(id: BranchID(1), member: PoolMemberNumber(2), name: "main"),
      PoolBranch(id: BranchID(8), member: PoolMemberNumber(1), name: "été"),
    ]
    head.extensions = SampleValues.fields
    return head
  }()

  public static let poolMember: PoolMember = {
    var value = PoolMember(revision: revision, id: member, number: PoolMemberNumber(2))
    value.cycle = 6
    value.incarnation = 0xDEAD_BEEF_0000_0001
    value.changeCount = 12
    value.nextID = 1030
    value.nextEntry = 6
    value.lastContact = time + 5
    value.entries = [entry, snapshot]
    value.anchors = [PoolEntryName(member: PoolMemberNumber(1), entry: PoolEntryID(4))]
    value.intents = [
      PoolIntent(
        attempt: PoolAttempt(78), first: 1028, count: 2, key: dataKey,
        supports: [PoolEntryName(member: PoolMemberNumber(2), entry: PoolEntryID(3))]),
      PoolIntent(attempt: PoolAttempt(79), first: 0, count: 0, key: dataKey),
    ]
    value.published = [
      PoolPublishedRun(PoolSegmentRun(first: 7, count: 1), domain: .standard, key: PoolKeyID(2)),
      PoolPublishedRun(PoolSegmentRun(first: 1025, count: 3), domain: .standard, key: dataKey),
    ]
    value.shredded = [DomainID(2)]
    return value
  }()

  static let entry: PoolEntry = {
    var entry = PoolEntry(
      id: PoolEntryID(3), branch: BranchID(1), domain: .standard, root: SampleValues.root(1),
      createdAt: time, name: "main")
    entry.epoch = 1
    entry.flags = [.superseded, PoolEntryFlags(rawValue: 1 << 20)]
    entry.lastCycle = 6
    entry.lsn = LSN(99)
    entry.publishedAt = time + 1
    entry.deletedAt = time + 2
    entry.logicalByteCount = 1 << 40
    entry.newByteCount = 123_456
    entry.pins = [
      PoolPin(member: PoolMemberNumber(1), incarnation: 5, since: time),
      PoolPin(member: PoolMemberNumber(2), purpose: 700, incarnation: .max, since: time + 1),
    ]
    return entry
  }()

  static let snapshot: PoolEntry = {
    var entry = PoolEntry(
      id: PoolEntryID(5), branch: BranchID(1), domain: DomainID(2), root: .hole,
      createdAt: time + 3, name: "main@before")
    entry.flags = [.snapshot, .held, .moved]
    entry.verifiedAt = time + 4
    entry.drill = PoolDrill(at: time + 4, status: -1, seconds: 17, byteCount: 1 << 33)
    entry.releasedAt = time + 10
    entry.lockedUntil = .max
    entry.movedTo = PoolMemberNumber(1)
    entry.annotations = SampleValues.fields
    return entry
  }()

  static let notes: PoolNotes = {
    var notes = PoolNotes(pool: id, member: endedMember)
    notes.restart(as: member)
    notes.join(as: PoolMemberNumber(2))
    notes.attempt = PoolAttempt(79)
    notes.stamp = PoolStamp(incarnation: 5, changeCount: 12)
    notes.candidates = [PoolStamp(incarnation: 6, changeCount: 13)]
    notes[.head] = PoolSighting(sequence: 40, nonce: nonce(6), answered: PoolAttempt(77))
    notes[.member(member)] = PoolSighting(
      sequence: 41, nonce: nonce(7), unresolved: PoolAttempt(79))
    return notes
  }()

  static let restartedNotes: PoolNotes = {
    var notes = PoolNotes(pool: id, member: endedMember)
    notes.restart(as: member)
    return notes
  }()

  public static let retiredTable = PoolRetiredTable(cycle: 5, retired: SampleValues.retired)

  /// Of two bundles, one of them evacuated.
  public static let index = PoolSegmentIndex(
    bundles: [false, true].enumerated().map { number, hasHomeNames in
      let directory = SampleValues.directory(hasHomeNames: hasHomeNames)
      var random = SplitMix64(seed: UInt64(number))
      return PoolSegmentIndex.Bundle(
        offset: UInt32(64 + number * 1_000_000), firstOrdinal: UInt32(number * 7),
        lsn: LSN(UInt64(number) + 12), hasHomeNames: hasHomeNames, directory: directory,
        hashSuffixes: directory.entries.map { _ in random.next() })
    })
}
