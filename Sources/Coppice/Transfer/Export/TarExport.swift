internal import CoppicePlatform

/// Writes a tree, or a part of it, as a tar stream. Holes stay holes.
struct TarExport {
  private let tree: FileTree
  private let counter: TransferCounter
  private var writer: TarWriter
  private let buffer: AlignedBuffer
  private let losses = ExportLosses()
  private var links = FirstNames()
  private var report = ExportReport()
  /// Of the directory that is written, with a slash at its end.
  private var path = Array("./".utf8)

  init(_ tree: FileTree, _ output: any TransferOutput, counter: TransferCounter) {
    self.tree = tree
    self.counter = counter
    writer = TarWriter(output)
    buffer = AlignedBuffer(byteCountMin: tree.pageByteCount * 256)
    buffer.extend(tree.pageByteCount * 256)
  }

  /// Writes `file` and, if it is a directory, all below it. A directory's paths begin with `./`.
  mutating func run(_ file: FileID, name: FileName?) throws(StoreError) -> ExportReport {
    let node = try ExportedNode(file, of: tree)
    if node.attributes.kind == .directory {
      try write(node, as: [])
      try writeChildren(of: file)
    } else {
      path = []
      try write(node, as: name?.bytes ?? [])
    }
    try writer.finish()
    report.note(losses)
    return report
  }

  private mutating func writeChildren(of directory: FileID) throws(StoreError) {
    var walk = TreeWalk(tree.core, below: directory)
    /// Bytes that the paths of the directories on the way have.
    var ends: [Int] = []
    while let step = try walk.next() {
      switch step {
      case .entry(let entry):
        let node = try ExportedNode(entry.file, of: tree)
        guard entry.kind == .directory else {
          try write(node, as: entry.name.bytes)
          continue
        }
        report.directoryCount += 1
        ends.append(path.count)
        path += entry.name.bytes
        path.append(UInt8(ascii: "/"))
        try write(node, as: [])
        walk.descend(entry.file)
        links.descend(entry.name.bytes)
      case .end:
        path.removeSubrange(ends.removeLast()...)
        links.ascend()
      }
    }
  }

  /// Writes a name of the directory, or with an empty one the directory itself.
  private mutating func write(_ node: ExportedNode, as name: [UInt8]) throws(StoreError) {
    let attributes = node.attributes
    guard var entry = node.tarEntry(path: path + name) else {
      return losses.add(.socket, ByteText.text(path + name))
    }
    cutAttributes(of: &entry)
    if attributes.kind != .directory, attributes.linkCount > 1,
      let first = links.first(attributes.file, name)
    {
      entry.kind = .hardLink
      entry.linkTarget = Array("./".utf8) + first.joined(separator: [UInt8(ascii: "/")])
      entry.byteCount = 0
      report.hardLinkCount += 1
      return try writer.begin(entry)
    }
    switch attributes.kind {
    case .directory: try writer.begin(entry)
    case .symbolicLink:
      report.symbolicLinkCount += 1
      try writer.begin(entry)
    case .characterDevice, .blockDevice, .fifo, .socket:
      report.specialFileCount += 1
      try writer.begin(entry)
    case .regular:
      report.fileCount += 1
      report.byteCount += attributes.byteCount
      try writeFile(attributes, entry)
    }
  }

  /// No more ranges than readers take: neighbours are joined, with the holes between them.
  private static func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    let count = (ranges.count - 1) / Int(TarReader.sparseRangeCountMax - 1) + 1
    guard count > 1 else { return ranges }
    return stride(from: 0, to: ranges.count, by: count).map { first in
      ranges[first].lowerBound..<ranges[min(first + count, ranges.count) - 1].upperBound
    }
  }

  /// Leaves out attributes that make a member's extended header larger than readers take.
  private func cutAttributes(of entry: inout TarEntry) {
    // A path and a target, and the records that are always short.
    var room = Int(PaxRecords.byteCountMax) - 2 * (entry.path.count + entry.linkTarget.count) - 4096
    let path = entry.path
    entry.attributes.removeAll { attribute in
      // Names may be escaped, and each record has its key and count.
      room -= attribute.value.count + 3 * attribute.name.count + 64
      guard room < 0 else { return false }
      losses.add(
        .attribute,
        "\(ByteText.text(attribute.name)) of \(ByteText.text(path))"
          + ", more than a tar header holds")
      return true
    }
  }

  private mutating func writeFile(
    _ attributes: FileAttributes, _ entry: TarEntry
  ) throws(StoreError) {
    let ranges = TarExport.joined(
      try tree.extents(of: attributes.file, in: nil)
        .filter { !$0.isHole && $0.range.lowerBound < attributes.byteCount }
        .map { $0.range.lowerBound..<min($0.range.upperBound, attributes.byteCount) })
    let whole = 0..<attributes.byteCount
    let isSparse = !whole.isEmpty && ranges != [whole]
    var entry = entry
    if isSparse { entry.dataRanges = ranges }
    try writer.begin(entry)
    for range in ranges {
      var start = range.lowerBound
      while start < range.upperBound {
        let count = Int(min(UInt64(buffer.byteCount), range.upperBound - start))
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer.mutableContents[..<count])
        guard try tree.read(attributes.file, at: start, into: bytes) == count else {
          throw StoreError(
            .conflict, "changed while it was exported",
            object: ByteText.text(entry.path),
            remedy: "export a snapshot of the branch")
        }
        try writer.write(data: UnsafeRawBufferPointer(bytes))
        start += UInt64(count)
        try counter.add(UInt64(count))
      }
    }
  }
}
