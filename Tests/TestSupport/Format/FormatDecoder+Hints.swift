internal import CoppiceFormat

// Hints: decode, encode, decode.
extension FormatDecoder {
  static let collectionHints = FormatDecoder(
    name: "collection-hints",
    samples: [
      SampleValues.collectionHints.encode(), CollectionHints().encode(),
      SampleValues.sharingHints.encode(),
    ],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try CollectionHints.decode(bytes.bytes)
    expectEqual(try CollectionHints.decode(value.encode().span.bytes), value)
  }

  static let scrubHints = FormatDecoder(
    name: "scrub-hints", samples: [SampleValues.scrubHints.encode()], reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try ScrubHints.decode(bytes.bytes)
    expectEqual(try ScrubHints.decode(value.encode().span.bytes), value)
  }

  static let growthHints = FormatDecoder(
    name: "growth-hints", samples: [SampleValues.growthHints.encode(), GrowthHints().encode()],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try GrowthHints.decode(bytes.bytes)
    expectEqual(try GrowthHints.decode(value.encode().span.bytes), value)
  }

  static let spaceHints = FormatDecoder(
    name: "space-hints", samples: [SampleValues.spaceHints.encode(), SpaceHints().encode()],
    reseal: resealing(at: 16)
  ) { (bytes) throws(FormatError) in
    let value = try SpaceHints.decode(bytes.bytes)
    expectEqual(try SpaceHints.decode(value.encode().span.bytes), value)
  }
}

extension SampleValues {
  static let collectionHints: CollectionHints = {
    var hints = CollectionHints()
    hints.cycleNumber = 12
    hints.youngFrom = SegmentID(77)
    hints.endedAt = time
    hints.fullAt = time - 5
    hints.oldDeadByteCount = 1 << 40
    hints.youngDeadByteCount = 4096
    hints.forgotten = [
      ForgottenBranch(
        id: BranchID(4), name: "trial-é", deletedAt: time, forgottenAt: time + 9, cycleNumber: 11,
        pageCount: 3, byteCount: 9000, isComplete: false,
        runs: [
          ForgottenBranch.Run(
            first: FrameName(segment: SegmentID(3), ordinal: 17), frameCount: 2),
          ForgottenBranch.Run(
            first: FrameName(segment: SegmentID(5), ordinal: 0), frameCount: 1 << 24),
        ]),
      ForgottenBranch(
        id: BranchID(5), name: "empty", deletedAt: time, forgottenAt: time, cycleNumber: 12,
        isErased: true),
    ]
    return hints
  }()

  /// Of a branch that shared.
  static let sharingHints: CollectionHints = {
    var hints = CollectionHints()
    var branch = ForgottenBranch(
      id: BranchID(6), name: "fork", deletedAt: time, forgottenAt: time, cycleNumber: 13)
    branch.heirs = [BranchID(1), BranchID(9)]
    branch.sharedRuns = [
      ForgottenBranch.Run(
        first: FrameName(segment: SegmentID(2), ordinal: 5), frameCount: 3)
    ]
    hints.forgotten = [branch]
    return hints
  }()

  static let spaceHints = SpaceHints(
    samples: (0..<3 as Range<UInt64>).map { step in
      SpaceHints.Sample(
        time: time + Int64(step), storedByteCount: 1 << 30 + step, garbageByteCount: 77 * step,
        freeByteCount: 1 << 40 - step)
    },
    added: [
      SpaceHints.Added(branch: BranchID(2), state: .max, byteCount: 1 << 33, measuredAt: time),
      SpaceHints.Added(branch: BranchID(9), state: 17, byteCount: 0, measuredAt: time - 1),
    ])

  static let scrubHints: ScrubHints = {
    var hints = ScrubHints()
    hints.segment = SegmentID(9)
    hints.offset = 1 << 20
    hints.startedAt = time
    hints.verifiedSince = time - 100
    hints.endedAt = time - 50
    hints.findingCount = 2
    return hints
  }()

  static let growthHints: GrowthHints = {
    var hints = GrowthHints()
    for branch in 1..<4 as Range<UInt64> {
      var samples: [GrowthHints.Sample] = []
      for step in 0..<branch {
        var sample = GrowthHints.Sample(time: time + Int64(step))
        sample.storedByteCount = 1000 * step
        sample.newPageCount = step
        sample.deltaPageCount = 2 * step
        sample.duplicatePageCount = 3 * step
        sample.nodeByteCount = 100 * step
        samples.append(sample)
      }
      hints.branches.append(GrowthHints.Branch(id: BranchID(branch), samples: samples))
    }
    return hints
  }()
}
