internal import CoppiceEngine
internal import CoppiceFormat

/// Who holds the bytes of a store's segments at one moment. The parts add up:
/// `storedByteCount` is the sum of the exclusive, shared, garbage and metadata bytes.
public struct SpaceUsage: Hashable, Sendable, Codable {
  /// What holds bytes.
  public enum Holder: String, Hashable, Sendable, CaseIterable, Codable {
    case branch, snapshot
    /// Deleted, and can still be restored.
    case deleted
    /// An export, a comparison or another reader that takes long.
    case reader
    /// An import that is under way.
    case `import`
    /// Two or more of the above.
    case several
    /// A segment in which too little is dead to make it worth emptying.
    case segment
    /// Files of the journal: what records held that count no more stays in them until they are used
    /// again, or erased.
    case journal
    /// Nothing: the next garbage collection reclaims it.
    case nothing
  }

  /// Stored bytes of pages and nodes, and what alone holds them.
  public struct Part: Hashable, Sendable, Codable {
    public var holder: Holder
    /// Of a branch or snapshot.
    public var name: String?
    /// Of a segment.
    public var segment: UInt64?
    public var byteCount: UInt64
  }

  /// When this was found.
  public var countedAt: Timestamp
  /// Bytes of all segments on disk.
  public var storedByteCount: UInt64
  /// What a single branch, snapshot, reader or import holds.
  public var exclusiveByteCount: UInt64
  /// What two or more of them hold.
  public var sharedByteCount: UInt64
  /// What none of them does.
  public var garbageByteCount: UInt64
  /// Headers, directories, and notes for repair.
  public var metadataByteCount: UInt64
  /// Bytes of changes that are in memory and in the journal only: no part of the above.
  public var unsealedByteCount: UInt64
  /// Of the exclusive and shared bytes: pages and nodes that are there only because differences to
  /// them are stored.
  public var baseByteCount: UInt64
  /// The exclusive bytes by holder, then the garbage by what keeps it on disk.
  public var parts: [Part]
}

/// What a branch has stored up to one moment, since it was made.
public struct GrowthSample: Hashable, Sendable, Codable {
  /// When changes were written to segments.
  public var sealedAt: Timestamp
  /// Bytes of pages and nodes that its changes added to the store.
  public var storedByteCount: UInt64
  /// Pages stored by themselves.
  public var newPageCount: UInt64
  /// Pages stored as differences.
  public var deltaPageCount: UInt64
  /// Pages that were stored already.
  public var duplicatePageCount: UInt64
}

extension Store {
  /// Tells for every stored byte what holds it. Takes time in proportion to the store's manifests;
  /// nothing waits for it.
  public func spaceUsage() throws(StoreError) -> SpaceUsage {
    let report = try engine.accounts.spaceReport()
    return SpaceUsage(
      countedAt: Timestamp(nanoseconds: report.time), storedByteCount: report.storedByteCount,
      exclusiveByteCount: report.exclusiveByteCount, sharedByteCount: report.sharedByteCount,
      garbageByteCount: report.deadByteCount, metadataByteCount: report.metadataByteCount,
      unsealedByteCount: report.unsealedByteCount,
      baseByteCount: report.baseByteCount,
      parts: (report.exclusive + report.dead).map(SpaceUsage.Part.init))
  }

  /// What a branch stored over time, oldest first: one sample for every time its changes were
  /// written to segments, with fewer the longer ago. Empty for a branch that stored nothing. Throws
  /// `notFound`.
  public func growth(of name: String) throws(StoreError) -> [GrowthSample] {
    engine.accounts.growth(of: try engineBranch(name).id).map {
      GrowthSample(
        sealedAt: Timestamp(nanoseconds: $0.time), storedByteCount: $0.storedByteCount,
        newPageCount: $0.newPageCount, deltaPageCount: $0.deltaPageCount,
        duplicatePageCount: $0.duplicatePageCount)
    }
  }
}

extension SpaceUsage.Part {
  init(_ part: SpaceReport.Part) {
    let (holder, name) = SpaceUsage.Holder.named(part.holder)
    self.init(holder: holder, name: name, byteCount: part.byteCount)
    if case .segment(let id) = part.holder { segment = id.rawValue }
  }
}

extension SpaceUsage.Holder {
  static func named(_ holder: SpaceHolder) -> (Self, name: String?) {
    switch holder {
    case .branch(let name): (.branch, name)
    case .snapshot(let name): (.snapshot, name)
    case .deleted(let name): (.deleted, name)
    case .reader: (.reader, nil)
    case .imports: (.import, nil)
    case .several: (.several, nil)
    case .segment: (.segment, nil)
    case .journal: (.journal, nil)
    case .nothing: (.nothing, nil)
    }
  }
}
