/// A record that changes the catalogue. The branch it concerns stands in the record's header.
///
/// Payloads, lists with their count u32 and texts with their byte count u16 before them:
///
///     fork      child u64   sharesThrough u64   isReadOnly u8   name
///     create    domain u32   root 32   ends   name
///     rename    name
///     delete    -
///     restore   name
///     forget    branches u64 *
///     reset     source u64   sharesThrough u64
///     publish   oldRoot 32   newRoot 32   intervals   ends
///     moved     victims u64 *   hosts (RetiredSegment *)   ends
///     reserve   nextVolume u64
///     replace   root 32   ends   isWhole u8
///     unlinked  segments u64 *
///     annotate  changes (FieldChange *)
///     set       key   byteCount u32   value        byteCount 0xFFFFFFFF: it is removed
///     condemn   flags u8 (1: for good)   branches (Condemnation *)
public enum ControlRecord: Hashable, Sendable {
  /// The record's branch, the parent, shares its root and layers with a new branch. Of the parent's
  /// open interval the part through `sharesThrough` holds writes: `.open` stands for this record's
  /// own LSN, `.zero` for no part.
  case fork(child: BranchID, name: String, isReadOnly: Bool, sharesThrough: LSN)
  /// The record's branch comes to be, with this root.
  case create(name: String, domain: DomainID, root: Ref, ends: [SegmentEnd])
  case rename(name: String)
  /// The branch is hidden; it can be restored until it is forgotten.
  case delete
  case restore(name: String)
  /// Deleted or condemned branches are no more.
  case forget([BranchID])
  /// Deleted branches cease to be roots, and nothing restores them. They stay on record until it is
  /// known which frames died with them and, if they are to be gone for good, until these are gone.
  case condemn([Condemnation], isForGood: Bool)
  /// The record's branch takes the source's root and layers, as a fork does.
  case reset(source: BranchID, sharesThrough: LSN)
  /// The record's branch takes this root and has no layers, at the end of an import: of all that
  /// the branch has, or of some of it.
  case replace(root: Ref, ends: [SegmentEnd], isWhole: Bool)
  /// Every branch on the old root whose layers begin with these intervals takes the new root.
  /// Without intervals the two roots are of the same content.
  case publish(oldRoot: Ref, intervals: [Interval], newRoot: Ref, ends: [SegmentEnd])
  /// The victims' live frames lie in hosts now.
  case moved(victims: [SegmentID], hosts: [RetiredSegment], ends: [SegmentEnd])
  /// Volume numbers below this may be in use.
  case reserve(nextVolume: UInt64)
  /// The files of these reclaimed segments are gone.
  case unlinked([SegmentID])
  /// The record's branch has these fields changed.
  case annotate([FieldChange])
  /// A setting of the store takes this value, or is removed.
  case set(SettingKey, [UInt8]?)

  /// Whether the annotations of an entry that is there may be others afterwards.
  public var changesAnnotations: Bool {
    switch self {
    case .annotate, .reset: true
    default: false
    }
  }

  public var kind: RecordKind {
    switch self {
    case .fork: .fork
    case .create: .create
    case .rename: .rename
    case .delete: .delete
    case .restore: .restore
    case .forget: .forget
    case .reset: .reset
    case .replace: .replace
    case .publish: .publish
    case .moved: .moved
    case .reserve: .reserve
    case .unlinked: .unlinked
    case .annotate: .annotate
    case .set: .set
    case .condemn: .condemn
    }
  }

  /// The payload, padded to a multiple of `RecordHeader.alignment`.
  ///
  /// - Precondition: names and values keep to their limits.
  public func encode() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .fork(let child, let name, let isReadOnly, let sharesThrough):
      writer.append(child.rawValue)
      writer.append(sharesThrough.rawValue)
      writer.append(UInt8(isReadOnly ? 1 : 0))
      writer.append(branchName: name)
    case .create(let name, let domain, let root, let ends):
      writer.append(domain.rawValue)
      writer.append(root)
      writer.append(ends)
      writer.append(branchName: name)
    case .rename(let name), .restore(let name):
      writer.append(branchName: name)
    case .delete:
      break
    case .forget(let branches):
      writer.append(branches)
    case .reset(let source, let sharesThrough):
      writer.append(source.rawValue)
      writer.append(sharesThrough.rawValue)
    case .replace(let root, let ends, let isWhole):
      writer.append(root)
      writer.append(ends)
      writer.append(UInt8(isWhole ? 1 : 0))
    case .publish(let oldRoot, let intervals, let newRoot, let ends):
      writer.append(oldRoot)
      writer.append(newRoot)
      writer.append(intervals)
      writer.append(ends)
    case .moved(let victims, let hosts, let ends):
      writer.append(victims)
      writer.append(hosts)
      writer.append(ends)
    case .reserve(let nextVolume):
      writer.append(nextVolume)
    case .unlinked(let segments):
      writer.append(segments)
    case .annotate(let changes):
      writer.append(count: changes.count)
      for change in changes { writer.append(change) }
    case .set(let key, let value):
      writer.append(key)
      writer.append(changed: value)
    case .condemn(let branches, let isForGood):
      writer.append(UInt8(isForGood ? 1 : 0))
      writer.append(count: branches.count)
      for branch in branches { writer.append(branch) }
    }
    writer.pad(to: RecordHeader.alignment)
    return writer.bytes
  }

  /// Decodes the payload of a control record.
  ///
  /// Throws `.malformed` for the kinds `empty` and `write`, which are none.
  public static func decode(
    kind: RecordKind, _ payload: RawSpan
  ) throws(FormatError) -> ControlRecord {
    try payload.withUnsafeBytes { (payload) throws(FormatError) in
      var reader = ByteReader(payload, what: "control record")
      let record = try decode(kind: kind, from: &reader)
      try reader.finish(alignment: RecordHeader.alignment)
      return record
    }
  }

  private static func decode(
    kind: RecordKind, from reader: inout ByteReader
  ) throws(FormatError) -> ControlRecord {
    switch kind {
    case .empty, .write:
      throw .malformed(what: "control record")
    case .fork:
      let child = BranchID(try reader.integer())
      let sharesThrough = LSN(try reader.integer())
      let isReadOnly: UInt8 = try reader.integer("fork's read-only flag", atMost: 1)
      return .fork(
        child: child, name: try reader.branchName(), isReadOnly: isReadOnly == 1,
        sharesThrough: sharesThrough)
    case .create:
      let domain = DomainID(try reader.integer())
      let root = try reader.root()
      let ends = try reader.segmentEnds()
      return .create(name: try reader.branchName(), domain: domain, root: root, ends: ends)
    case .rename:
      return .rename(name: try reader.branchName())
    case .delete:
      return .delete
    case .restore:
      return .restore(name: try reader.branchName())
    case .forget:
      return .forget(try reader.branchIDs())
    case .reset:
      return .reset(
        source: BranchID(try reader.integer()), sharesThrough: LSN(try reader.integer()))
    case .replace:
      let (root, ends) = (try reader.root(), try reader.segmentEnds())
      let isWhole: UInt8 = try reader.integer("replacement's flag", atMost: 1)
      return .replace(root: root, ends: ends, isWhole: isWhole == 1)
    case .publish:
      let oldRoot = try reader.root()
      let newRoot = try reader.root()
      return .publish(
        oldRoot: oldRoot, intervals: try reader.intervals(), newRoot: newRoot,
        ends: try reader.segmentEnds())
    case .moved:
      return .moved(
        victims: try reader.segmentIDs(), hosts: try reader.retiredSegments(),
        ends: try reader.segmentEnds())
    case .reserve:
      let limit: UInt64 = 1 << UInt64(VolumeNumber.bitCount)
      return .reserve(nextVolume: try reader.integer("next volume", atMost: limit))
    case .unlinked:
      return .unlinked(try reader.segmentIDs())
    case .annotate:
      return .annotate(
        try reader.array(of: Fields.Field.headerByteCount) { (reader) throws(FormatError) in
          try FieldChange(reading: &reader)
        })
    case .set:
      return .set(
        try SettingKey(reading: &reader),
        try reader.changedValue(atMost: Setting.valueByteCountMax))
    case .condemn:
      let isForGood: UInt8 = try reader.integer("condemnation's flags", atMost: 1)
      return .condemn(
        try reader.array(of: Condemnation.byteCount) { (reader) throws(FormatError) in
          try reader.condemnation()
        }, isForGood: isForGood == 1)
    }
  }
}

extension ByteReader {
  /// The root of a branch state: a table node, or a hole for an empty branch.
  mutating func root() throws(FormatError) -> Ref {
    let root = try ref()
    guard root.isHole || root.locator.form.kind == .tableNode else {
      throw .malformed(what: "root")
    }
    return root
  }

  mutating func branchName() throws(FormatError) -> String {
    try text("branch name", atMost: UInt16(BranchEntry.nameByteCountMax))
  }
}

extension ByteWriter {
  mutating func append(branchName name: String) {
    precondition(name.utf8.count <= BranchEntry.nameByteCountMax)
    append(text: name)
  }
}
