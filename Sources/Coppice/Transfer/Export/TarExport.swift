internal import CoppiceEngine
internal import CoppicePlatform

/// Writes a tree, or a part of it, as a tar stream. Holes stay holes.
struct TarExport {
  private let tree: FileTree
  private let counter: TransferCounter
  private var writer: TarWriter
  private let buffer: AlignedBuffer
  /// Paths of files with several names.
  private var links: [FileID: [UInt8]] = [:]
  private var report = ExportReport()
  private var socketCount = 0

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
      try write(node, path: Array("./".utf8))
      try writeChildren(of: file, path: Array("./".utf8))
    } else {
      try write(node, path: name?.bytes ?? [])
    }
    try writer.finish()
    if socketCount > 0 {
      report.notes.append("\(socketCount) sockets were left out: tar cannot hold them")
    }
    return report
  }

  private mutating func writeChildren(of directory: FileID, path: [UInt8]) throws(StoreError) {
    var last: FileName?
    while true {
      let entries = try tree.readDirectory(directory, after: last, limit: 256)
      for entry in entries {
        let node = try ExportedNode(entry.file, of: tree)
        let place = path + entry.name.bytes
        if entry.kind == .directory {
          report.directoryCount += 1
          try write(node, path: place + [UInt8(ascii: "/")])
          try writeChildren(of: entry.file, path: place + [UInt8(ascii: "/")])
        } else {
          try write(node, path: place)
        }
      }
      guard entries.count == 256 else { return }
      last = entries.last?.name
    }
  }

  private mutating func write(_ node: ExportedNode, path: [UInt8]) throws(StoreError) {
    let attributes = node.attributes
    guard var entry = node.tarEntry(path: path) else {
      socketCount += 1
      return
    }
    if attributes.kind != .directory, attributes.linkCount > 1 {
      if let first = links[attributes.file] {
        entry.kind = .hardLink
        entry.linkTarget = first
        entry.byteCount = 0
        report.hardLinkCount += 1
        return try writer.begin(entry)
      }
      links[attributes.file] = path
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

  private mutating func writeFile(
    _ attributes: FileAttributes, _ entry: TarEntry
  ) throws(StoreError) {
    let ranges = try tree.extents(of: attributes.file, in: nil)
      .filter { !$0.isHole && $0.range.lowerBound < attributes.byteCount }
      .map { $0.range.lowerBound..<min($0.range.upperBound, attributes.byteCount) }
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
