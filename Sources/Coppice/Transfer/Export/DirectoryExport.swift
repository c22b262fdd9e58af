internal import CoppicePlatform

/// Writes a tree, or a part of it, into a directory of the machine. Names are made by the thread
/// that walks the tree, contents by the queue's threads: one job for each leaf with data.
final class DirectoryExport {
  private let tree: FileTree
  private let queue: TransferQueue
  private let counter: TransferCounter
  let losses = ExportLosses()
  private let top: HostDirectory
  private let leafByteCount: UInt64
  private var links = FirstNames()
  private var report = ExportReport()

  init(
    _ tree: FileTree, into top: HostDirectory, options: ExportOptions, expected: UInt64?
  ) throws(StoreError) {
    self.tree = tree
    self.top = top
    leafByteCount = UInt64(tree.pageByteCount * 256)
    counter = TransferCounter(
      expected: expected, tell: options.progress, isCancelled: options.isCancelled)
    let threadCount = TransferQueue.threadCount(options.threadCount)
    queue = try TransferQueue(
      threadCount: threadCount, waitingCountMax: 4 * threadCount,
      bufferByteCount: Int(leafByteCount))
  }

  /// Writes all below `directory` into the top.
  func run(_ directory: FileID) throws(StoreError) -> ExportReport {
    var walk = TreeWalk(tree.core, below: directory)
    var target = HostDirectoryWalk(top)
    /// What the directories on the way get when all in them is made, as that changes their times.
    var waiting: [ExportedNode] = []
    while let step = try walk.next() {
      switch step {
      case .entry(let entry):
        let node = try ExportedNode(entry.file, of: tree)
        let name = entry.name.bytes
        try write(node, as: name, in: target.current)
        guard node.attributes.kind == .directory else { continue }
        try writing(target.current.path) { () throws(SystemError) in try target.descend(name) }
        walk.descend(entry.file)
        links.descend(name)
        waiting.append(node)
      case .end:
        let name = try writing(target.current.path) { () throws(SystemError) in
          try target.ascend()
        }
        links.ascend()
        try RestoredName(directory: target.current, name: name)
          .restore(waiting.removeLast(), losses)
      }
    }
    return try finish()
  }

  /// Writes one file under `name`.
  func run(file: FileID, as name: [UInt8]) throws(StoreError) -> ExportReport {
    try write(try ExportedNode(file, of: tree), as: name, in: top)
    return try finish()
  }

  private func finish() throws(StoreError) -> ExportReport {
    try queue.finish()
    return report
  }

  // MARK: Names

  private func write(
    _ node: ExportedNode, as name: [UInt8], in target: HostDirectory
  ) throws(StoreError) {
    if node.attributes.kind != .directory, node.attributes.linkCount > 1,
      try link(node.attributes.file, as: name, in: target)
    {
      return
    }
    let place = RestoredName(directory: target, name: name)
    switch node.attributes.kind {
    case .regular:
      report.fileCount += 1
      report.byteCount += node.attributes.byteCount
      try writeFile(node, as: name, in: target)
    case .directory:
      report.directoryCount += 1
      try writing(place.path) { () throws(SystemError) in
        try target.makeDirectory(name, permissions: 0o700)
      }
    case .symbolicLink:
      let isMade = try make(.symbolicLink, place) { () throws(SystemError) in
        try target.makeSymbolicLink(name, to: node.target)
      }
      guard isMade else { return }
      report.symbolicLinkCount += 1
      try place.restore(node, losses)
    case .characterDevice, .blockDevice, .fifo, .socket:
      let isMade = try make(.specialFile, place) { () throws(SystemError) in
        try target.makeSpecial(
          name, node.attributes.kind.hostKind, permissions: 0o600,
          device: HostDevice(packed: node.attributes.device))
      }
      guard isMade else { return }
      report.specialFileCount += 1
      try place.restore(node, losses)
    }
  }

  /// Whether the name became a further one of a file that is there already.
  private func link(
    _ file: FileID, as name: [UInt8], in target: HostDirectory
  ) throws(StoreError) -> Bool {
    guard let first = links.first(file, name) else { return false }
    let place = RestoredName(directory: target, name: name)
    let isMade = try make(.hardLink, place) { () throws(SystemError) in
      try target.makeHardLink(
        name, to: first[first.count - 1], in: top.openDirectory(at: first.dropLast()))
    }
    if isMade { report.hardLinkCount += 1 } else { links.replace(file, name) }
    return isMade
  }

  /// Makes a name that not all file systems and users can make; returns whether it was made.
  private func make(
    _ kind: ExportLosses.Kind, _ place: RestoredName, _ body: () throws(SystemError) -> Void
  ) throws(StoreError) -> Bool {
    do throws(SystemError) {
      try body()
      return true
    } catch {
      guard error.isRefusal else { throw StoreError(writing: error, object: place.path) }
      losses.add(kind, "\(place.path), \(SystemError.text(of: error.code))")
      return false
    }
  }

  // MARK: Contents

  private func writeFile(
    _ node: ExportedNode, as name: [UInt8], in target: HostDirectory
  ) throws(StoreError) {
    let attributes = node.attributes
    let place = RestoredName(directory: target, name: name)
    let output = try writing(place.path) { () throws(SystemError) in
      let output = try target.makeFile(name, permissions: 0o600)
      if attributes.byteCount > 0 { try output.truncate(to: attributes.byteCount) }
      return output
    }
    let content = ExportedContent(node, output, losses: losses)
    var nextLeaf: UInt64 = 0
    for extent in try tree.extents(of: attributes.file, in: nil) where !extent.isHole {
      let end = min(extent.range.upperBound, attributes.byteCount)
      guard extent.range.lowerBound < end else { continue }
      var start = extent.range.lowerBound
      while start < end {
        let leafEnd = min(end, (start / leafByteCount + 1) * leafByteCount)
        let piece = start..<leafEnd
        content.begin()
        let (tree, counter) = (tree, counter)
        try queue.submit { buffer throws(StoreError) in
          try content.write(piece, of: tree, buffer)
          try counter.add(piece.upperBound - piece.lowerBound)
        }
        start = leafEnd
      }
      nextLeaf = end
    }
    try counter.add(attributes.byteCount - min(nextLeaf, attributes.byteCount))
    try content.seal()
  }
}
