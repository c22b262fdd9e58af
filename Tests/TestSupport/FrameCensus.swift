public import CoppiceFormat

/// Which frames a store has, and which of them states need: found without the engine, from the
/// bytes of the segment files alone.
///
/// A state needs what its root reaches by refs that hold in a node, and the bytes of what any of
/// that builds on. What a base refers to beside that is not needed.
public struct FrameCensus {
  /// A stored frame that is no note.
  public struct Frame {
    public var form: FrameForm
    public var byteCount: Int
    public var base: FrameName
    /// Of the segment that it lies in.
    public var domain: DomainID
    /// Whether a collection moved it to a host.
    public var isMoved: Bool
    var file: String
    var offset: Int
  }

  public private(set) var frames: [FrameName: Frame] = [:]
  public private(set) var noteCount = 0
  private var files: [String: [UInt8]] = [:]
  private var nodes: [FrameName: [Ref]] = [:]
  private let codec = NodeCodec()

  /// A frame that a state needs and that is not there, or is no node.
  public struct Lack: Error {
    public var frame: FrameName
  }

  /// - Parameter disk: with nothing in its segments but what was published.
  public init(_ disk: SimulatedDisk) throws {
    for file in disk.fileNames() where file.hasPrefix("segments/") {
      let bytes = try disk.contents(of: file)
      files[file] = bytes
      let header = try bytes[..<SegmentHeader.byteCount].withUnsafeBytes {
        try SegmentHeader.decode($0.bytes)
      }
      var offset = SegmentHeader.byteCount
      while offset < bytes.count {
        offset = try takeBundle(bytes, offset, file, header.domain)
      }
    }
  }

  /// Returns where the bundle ends.
  private mutating func takeBundle(
    _ bytes: [UInt8], _ offset: Int, _ file: String, _ domain: DomainID
  ) throws -> Int {
    let header = try bytes[offset..<offset + BundleHeader.byteCount].withUnsafeBytes {
      try BundleHeader.decode($0.bytes)
    }
    let start = offset + Int(header.directoryOffset)
    let directory = try bytes[start..<start + Int(header.directoryByteCount)].withUnsafeBytes {
      try BundleDirectory.decode(
        $0.bytes, rawByteCount: Int(header.directoryRawByteCount),
        frameCount: Int(header.frameCount), hasHomeNames: header.hasHomeNames)
    }
    var place = offset + BundleHeader.byteCount
    for (index, entry) in directory.entries.enumerated() {
      let own = FrameName(segment: header.segment, ordinal: header.firstOrdinal + UInt32(index))
      if entry.form.kind == .note {
        noteCount += 1
      } else {
        frames[entry.home == .none ? own : entry.home] = Frame(
          form: entry.form, byteCount: entry.storedByteCount, base: entry.base, domain: domain,
          isMoved: entry.home != .none, file: file, offset: place)
      }
      place += entry.storedByteCount
    }
    return offset + Int(header.bundleByteCount)
  }

  /// What states with these roots need.
  public mutating func needed(by roots: [Ref]) throws -> Set<FrameName> {
    var reached: Set<FrameName> = []
    var bases: Set<FrameName> = []
    var pending = roots.filter { !$0.isHole }
    while let ref = pending.popLast() {
      let name = ref.locator.name
      guard reached.insert(name).inserted else { continue }
      guard let frame = frames[name] else { throw Lack(frame: name) }
      if let base = try base(of: frame) { bases.insert(base.name) }
      if frame.form.kind != .page { pending += try refs(of: name) }
    }
    for base in bases where frames[base] == nil { throw Lack(frame: base) }
    return reached.union(bases)
  }

  /// What of all that a state needs lies in another domain than its own, and derived frames, needed
  /// or not, whose base does.
  public mutating func crossings(of root: Ref, in domain: DomainID) throws -> [FrameName] {
    let needed = try needed(by: [root]).filter { frames[$0]?.domain != domain }
    let derived = frames.filter { _, frame in
      frames[frame.base].map { $0.domain != frame.domain } ?? false
    }
    return (Array(needed) + derived.keys).sorted()
  }

  public func byteCount(_ names: Set<FrameName>) -> UInt64 {
    names.reduce(0) { $0 + UInt64(frames[$1]?.byteCount ?? 0) }
  }

  private func stored(_ frame: Frame) -> ArraySlice<UInt8> {
    (files[frame.file] ?? [])[frame.offset..<frame.offset + frame.byteCount]
  }

  private func base(of frame: Frame) throws -> Locator? {
    guard frame.form.isDerived else { return nil }
    return try stored(frame).withUnsafeBytes {
      try Locator(decoding: UnsafeRawBufferPointer(rebasing: $0[..<Locator.byteCount]))
    }
  }

  /// The refs that hold in a node; no holes.
  private mutating func refs(of name: FrameName) throws -> [Ref] {
    if let known = nodes[name] { return known }
    guard let frame = frames[name], frame.form.kind != .page else { throw Lack(frame: name) }
    let base = try base(of: frame).map { locator in
      guard let base = frames[locator.name] else { throw Lack(frame: locator.name) }
      return stored(base)
    }
    var refs = [Ref](repeating: .hole, count: NodeCodec.slotCount)
    try refs.withUnsafeMutableBufferPointer { refs in
      guard let target = refs.baseAddress else { return }
      guard let base else {
        _ = try stored(frame).withUnsafeBytes { try codec.decodeFull($0, into: target) }
        return
      }
      _ = try base.withUnsafeBytes { try codec.decodeFull($0, into: target) }
      _ = try stored(frame).withUnsafeBytes {
        try codec.decodeOverrides($0, baseRefs: target, into: target)
      }
    }
    nodes[name] = refs.filter { !$0.isHole }
    return nodes[name] ?? []
  }
}
