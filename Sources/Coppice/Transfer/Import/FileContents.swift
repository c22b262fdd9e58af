internal import CoppicePlatform

/// Brings the contents of the source's files in: one job for several small files, one for each leaf
/// of a large one, nothing for holes.
final class FileContents {
  /// A file whose content is to be read.
  struct Item: Sendable {
    var directory: HostDirectory
    var name: [UInt8]
    var status: HostStatus
    var file: FileID
    /// Whether the import made it.
    var isNew: Bool

    var path: String { directory.path + "/" + ByteText.text(name) }
  }

  private static let batchByteCountMax: UInt64 = 1 << 20
  private static let batchCountMax = 64
  /// Directories that jobs which wait or run hold open, in all.
  private static let openDirectoryCountMax = 256

  private let session: ImportSession
  private let leafByteCount: UInt64
  private var small: [Item] = []
  private var smallByteCount: UInt64 = 0
  /// Different directories among those of `small`, at most; and how many one job may have.
  private var directoryCount = 0
  private let directoryCountMax: Int

  init(_ session: ImportSession) {
    self.session = session
    leafByteCount = UInt64(session.staging.leafByteCount)
    directoryCountMax = max(1, Self.openDirectoryCountMax / (session.queue.jobCountMax + 1))
  }

  func add(_ item: Item) throws(StoreError) {
    guard item.status.byteCount <= leafByteCount else { return try addLarge(item) }
    if small.last?.directory !== item.directory {
      if directoryCount == directoryCountMax { try flush() }
      directoryCount += 1
    }
    small.append(item)
    smallByteCount += item.status.byteCount
    if small.count >= Self.batchCountMax || smallByteCount >= Self.batchByteCountMax {
      try flush()
    }
  }

  /// Submits what was held back.
  func flush() throws(StoreError) {
    let items = small
    guard !items.isEmpty else { return }
    small = []
    smallByteCount = 0
    directoryCount = 0
    let session = session
    try session.queue.submit { buffer throws(StoreError) in
      for item in items { try FileContents.importSmall(item, session, buffer) }
    }
  }

  private static func importSmall(
    _ item: Item, _ session: ImportSession, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) {
    let source = try open(item)
    let volume = try volume(of: item, source, session)
    if item.status.byteCount > 0 {
      volume.begin()
      try importLeaf(0, of: item, source, volume, session, buffer)
    }
    try volume.seal(byteCount: item.status.byteCount)
  }

  private func addLarge(_ item: Item) throws(StoreError) {
    let source = try FileContents.open(item)
    let session = session
    let volume = try FileContents.volume(of: item, source, session)
    var nextLeaf: UInt64 = 0
    var offset: UInt64 = 0
    let isSparse = item.status.allocatedByteCount < item.status.byteCount
    while offset < item.status.byteCount {
      let from = offset
      let whole = from..<item.status.byteCount
      let data: Range<UInt64>? =
        isSparse
        ? try reading(item.path) { () throws(SystemError) in try source.nextData(from: from) }
        : whole
      guard let data, data.lowerBound < item.status.byteCount else { break }
      let first = max(nextLeaf, data.lowerBound / leafByteCount)
      let end = min(data.upperBound, item.status.byteCount)
      let last = (end - 1) / leafByteCount
      if first <= last {
        for leaf in first...last {
          volume.begin()
          try session.queue.submit { buffer throws(StoreError) in
            try FileContents.importLeaf(leaf, of: item, source, volume, session, buffer)
          }
        }
        nextLeaf = last + 1
      }
      offset = end
    }
    // Bytes of holes count as done.
    try volume.seal(byteCount: item.status.byteCount)
  }

  private static func open(_ item: Item) throws(StoreError) -> HostFile {
    let source = try reading(item.path) { () throws(SystemError) in
      try item.directory.openFile(item.name)
    }
    try verify(item, source)
    return source
  }

  private static func importLeaf(
    _ leaf: UInt64, of item: Item, _ source: HostFile, _ volume: ImportedVolume,
    _ session: ImportSession, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) {
    let offset = leaf * UInt64(buffer.count)
    let byteCount = Int(min(UInt64(buffer.count), item.status.byteCount - offset))
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
    let count = try reading(item.path) { () throws(SystemError) in
      try source.read(into: bytes, at: offset)
    }
    guard count == byteCount else {
      throw StoreError(
        .conflict,
        "shrank from \(item.status.byteCount) to \(offset + UInt64(count)) bytes while it was "
          + "imported",
        object: item.path, remedy: Self.changeRemedy)
    }
    try session.counter.add(UInt64(byteCount))
    try volume.put(leaf: leaf, UnsafeRawBufferPointer(bytes))
  }

  private static func volume(
    of item: Item, _ source: HostFile, _ session: ImportSession
  ) throws(StoreError) -> ImportedVolume {
    try session.volume(
      of: item.file, isNew: item.isNew, modified: item.status.modified
    ) { [session] () throws(StoreError) in
      try verify(item, source)
      try session.noteFinished(item.file, item.status)
    }
  }

  /// A file that changed while it was read may be torn.
  private static func verify(_ item: Item, _ source: HostFile) throws(StoreError) {
    let now = try reading(item.path) { () throws(SystemError) in try source.status() }
    guard now.inode == item.status.inode, now.device == item.status.device,
      now.byteCount == item.status.byteCount, now.modified == item.status.modified
    else {
      let shrank = now.byteCount < item.status.byteCount
      throw StoreError(
        .conflict,
        shrank
          ? "shrank from \(item.status.byteCount) to \(now.byteCount) bytes while it was imported"
          : "changed while it was imported",
        object: item.path, remedy: Self.changeRemedy)
    }
  }

  private static let changeRemedy: Remedy =
    "nothing was changed; stop what writes to it, or import a snapshot of it"
}
