extension ByteReader {
  static let branchEntryByteCountMin = 98

  mutating func branchEntry() throws(FormatError) -> BranchEntry {
    let id = BranchID(try integer())
    let domain = DomainID(try integer())
    let flags = BranchFlags(rawValue: try integer())
    guard flags.isSubset(of: .known) else {
      throw .unknownFlags(what: "branch entry", bits: UInt64(flags.rawValue))
    }
    let createdAt: Int64 = try integer()
    let deletedAt: Int64 = try integer()
    let parent = BranchID(try integer())
    let parentLSN = LSN(try integer())
    let start = FrameName(rawValue: try integer())
    let root = try root()
    let intervals = try intervals()
    return BranchEntry(
      id: id, name: try branchName(), domain: domain, flags: flags, root: root,
      intervals: intervals, createdAt: createdAt, deletedAt: deletedAt, parent: parent,
      parentLSN: parentLSN, start: start, annotations: try Fields(reading: &self))
  }

  mutating func segmentEntry() throws(FormatError) -> SegmentEntry {
    let id = try segmentID()
    let domain = DomainID(try integer())
    let flags = SegmentFlags(rawValue: try integer())
    guard flags.isSubset(of: .known) else {
      throw .unknownFlags(what: "segment entry", bits: UInt64(flags.rawValue))
    }
    return SegmentEntry(
      id: id, domain: domain, flags: flags, byteCount: try integer(), frameCount: try integer(),
      extensions: try Fields(reading: &self))
  }

  mutating func journalFileEntry() throws(FormatError) -> JournalFileEntry {
    let sequence: UInt64 = try integer()
    let firstLSN = LSN(try integer())
    let lastLSN = LSN(try integer())
    let flags: UInt32 = try integer()
    guard flags <= 1 else { throw .unknownFlags(what: "journal file entry", bits: UInt64(flags)) }
    return JournalFileEntry(
      sequence: sequence, firstLSN: firstLSN, lastLSN: lastLSN, isControl: flags == 1)
  }
}

extension ByteWriter {
  mutating func append(_ branch: BranchEntry) {
    append(branch.id.rawValue)
    append(branch.domain.rawValue)
    append(branch.flags.rawValue)
    append(branch.createdAt)
    append(branch.deletedAt)
    append(branch.parent.rawValue)
    append(branch.parentLSN.rawValue)
    append(branch.start.rawValue)
    append(branch.root)
    append(branch.intervals)
    append(branchName: branch.name)
    append(branch.annotations)
  }

  mutating func append(_ segment: SegmentEntry) {
    append(segment.id.rawValue)
    append(segment.domain.rawValue)
    append(segment.flags.rawValue)
    append(segment.byteCount)
    append(segment.frameCount)
    append(segment.extensions)
  }

  mutating func append(_ file: JournalFileEntry) {
    append(file.sequence)
    append(file.firstLSN.rawValue)
    append(file.lastLSN.rawValue)
    append(UInt32(file.isControl ? 1 : 0))
  }
}
