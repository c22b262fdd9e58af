public import CoppiceFormat

/// One value of every small structure of the format, the same in every run.
public enum SampleValues {
  public static let secret = HashSecret(bytes: SplitMix64.bytes(192, seed: 1))
  public static let uuid = StoreUUID(low: 0x0123_4567_89AB_CDEF, high: 0xFEDC_BA98_7654_3210)
  public static let time: Int64 = 1_700_000_000_123_456_789

  public static let superblock = Superblock(uuid: uuid, pageShift: 13, secret: secret.bytes)

  public static let segmentHeader = SegmentHeader(
    uuid: uuid, segment: SegmentID(12), domain: DomainID(3))

  public static let journalFileHeader = JournalFileHeader(
    sequence: 9, generation: 4, firstLSN: LSN(1001), previousLSN: LSN(1000), uuid: uuid,
    isControl: true)

  public static let note = NoteFrame(
    branch: BranchID(5), name: "main@before-migration", lsn: LSN(99), root: root(1), time: time)

  public static let ends = [
    SegmentEnd(segment: SegmentID(3), domain: .standard, byteCount: 1 << 26, frameCount: 20_000),
    SegmentEnd(segment: SegmentID(4), domain: DomainID(2), byteCount: 64, frameCount: 0),
  ]

  public static let intervals = [
    Interval(writer: BranchID(1), from: LSN(10), through: LSN(20)),
    Interval(writer: BranchID(2), from: LSN(25), through: .open),
  ]

  public static let retired = [
    RetiredSegment(id: SegmentID(1), hosts: [SegmentID(4), SegmentID(5)]),
    RetiredSegment(id: SegmentID(2), hosts: []),
  ]

  /// One of every case.
  public static let controlRecords: [ControlRecord] = [
    .fork(child: BranchID(7), name: "feature-x", isReadOnly: false, sharesThrough: .open),
    .fork(child: BranchID(8), name: "main@é", isReadOnly: true, sharesThrough: .zero),
    .create(name: "main", domain: DomainID(1), root: .hole, ends: ends),
    .rename(name: "trunk"), .delete, .restore(name: "main"), .forget([]),
    .forget([BranchID(3), BranchID(.max)]),
    .reset(source: BranchID(6), sharesThrough: LSN(17)),
    .replace(root: root(2), ends: ends, isWhole: true),
    .publish(oldRoot: root(1), intervals: intervals, newRoot: root(3), ends: ends),
    .publish(oldRoot: .hole, intervals: [], newRoot: .hole, ends: []),
    .moved(victims: [SegmentID(1), SegmentID(2)], hosts: retired, ends: ends),
    .reserve(nextVolume: 1 << 40),
    .annotate([]),
    .annotate([FieldChange(FieldTag(6), [1, 2, 3]), FieldChange(FieldTag(5), nil)]),
    .set(settings[0].key, settings[0].value), .set(settings[1].key, nil),
    .condemn([], isForGood: false),
    .condemn(
      [
        Condemnation(branch: BranchID(3), pageCount: 1 << 33, hasRefs: true),
        Condemnation(branch: BranchID(.max)),
      ], isForGood: true),
  ]

  /// One of every class.
  public static let domainSettings = DomainClass.allCases.map {
    DomainSetting(DomainID(UInt32($0.rawValue) + 1), $0)
  }

  /// Of all kinds of tags.
  public static let fields: Fields = {
    var fields = Fields()
    for (index, tag) in [4, 0x4009, 0x8001, 0xC008].enumerated() {
      fields[FieldTag(UInt16(tag))] = SplitMix64.bytes(20 * index, seed: 3)
    }
    return fields
  }()

  public static let settings = ["domain/masked", "politik-é", "token/1"].compactMap { key in
    SettingKey(key).map { Setting($0, SplitMix64.bytes($0.bytes.count, seed: 4)) }
  }

  public static let catalogue = Catalogue(
    lsn: LSN(1234), time: time, nextBranch: 9, nextVolume: 4096, nextSegment: 6,
    nextDomain: 3,
    branches: [
      BranchEntry(
        id: BranchID(1), name: "main", root: root(4), intervals: intervals, createdAt: time),
      BranchEntry(
        id: BranchID(8), name: "main@before", domain: DomainID(2), flags: [.readOnly, .deleted],
        createdAt: time, deletedAt: time + 1, parent: BranchID(1), parentLSN: LSN(77),
        start: FrameName(segment: SegmentID(3), ordinal: 9),
        annotations: fields),
    ],
    segments: [
      SegmentEntry(
        id: SegmentID(3), domain: .standard, flags: [.closed, .host], byteCount: 1 << 26,
        frameCount: 20_000),
      SegmentEntry(
        id: SegmentID(4), domain: DomainID(2), byteCount: 64, frameCount: 0, extensions: fields),
    ],
    retired: retired,
    journalFiles: [
      JournalFileEntry(sequence: 8, firstLSN: LSN(1), lastLSN: LSN(900), isControl: false),
      JournalFileEntry(sequence: 9, firstLSN: LSN(901), lastLSN: LSN(999), isControl: true),
    ],
    settings: settings, extensions: fields)

  /// Some frames of a seal: pages, deltas, nodes, a note.
  public static func directory(hasHomeNames: Bool) -> BundleDirectory {
    var random = SplitMix64(seed: 2)
    var entries: [BundleDirectoryEntry] = []
    for index in 0..<40 as Range<UInt32> {
      let isDelta = index % 4 == 3
      let base = FrameName(segment: SegmentID(2), ordinal: index)
      let home = FrameName(segment: SegmentID(6), ordinal: 3 * index)
      entries.append(
        BundleDirectoryEntry(
          hashPrefix: random.next(), storedByteCount: 1500 + random.below(3000),
          form: FrameForm(.page, isDelta ? .zstdOnBase : .zstd), volume: VolumeNumber(17),
          page: PageNumber(2 * UInt64(index)), base: isDelta ? base : .none,
          home: hasHomeNames ? home : .none))
    }
    let kinds: [FrameForm] = [
      FrameForm(.volumeNode, .columns), FrameForm(.volumeNode, .overridesOnBase),
      FrameForm(.tableNode, .columns), FrameForm(.note, .raw),
    ]
    for (index, form) in kinds.enumerated() {
      entries.append(
        BundleDirectoryEntry(
          hashPrefix: random.next(), storedByteCount: 100_000 * (index + 1), form: form,
          volume: VolumeNumber(1 << 40 - 1), page: PageNumber(UInt64(index) << 30),
          base: form.isDerived ? FrameName(segment: SegmentID(5), ordinal: 1) : .none,
          home: hasHomeNames
            ? FrameName(segment: SegmentID(7), ordinal: UInt32(index)) : .none))
    }
    return BundleDirectory(entries: entries)
  }

  public static func root(_ seed: UInt64) -> Ref {
    var random = SplitMix64(seed: seed)
    return SampleRefs.ref(kind: .tableNode, &random)
  }
}

extension SplitMix64 {
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return random.bytes(count)
  }
}
