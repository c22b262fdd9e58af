internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// Writes a tree, or a part of it, into a directory of the machine. Names are made by the thread
/// that walks the tree, contents by the queue's threads: one job for each leaf with data.
final class DirectoryExport {
  /// What privileges did not allow to restore, counted by any thread.
  final class Losses: Sendable {
    private let state = Mutex((owners: 0, attributes: 0))

    func addOwner() { state.withLock { $0.owners += 1 } }
    func addAttribute() { state.withLock { $0.attributes += 1 } }

    var notes: [String] {
      let (owners, attributes) = state.withLock { $0 }
      var notes: [String] = []
      if owners > 0 { notes.append("owners of \(owners) files were not restored: not permitted") }
      if attributes > 0 {
        notes.append("\(attributes) extended attributes were not restored: not permitted")
      }
      return notes
    }
  }

  private let tree: FileTree
  private let queue: TransferQueue
  private let counter: TransferCounter
  private let losses = Losses()
  private let top: HostDirectory
  private let leafByteCount: UInt64
  /// Paths from `top` of files with several names.
  private var links: [FileID: [UInt8]] = [:]
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
    try write(directory, into: top, path: [])
    return try finish()
  }

  /// Writes one file under `name`.
  func run(file: FileID, as name: [UInt8]) throws(StoreError) -> ExportReport {
    try write(file, as: name, in: top, path: name)
    return try finish()
  }

  private func finish() throws(StoreError) -> ExportReport {
    try queue.finish()
    report.notes += losses.notes
    return report
  }

  // MARK: Names

  private func write(
    _ directory: FileID, into target: HostDirectory, path: [UInt8]
  ) throws(StoreError) {
    var last: FileName?
    while true {
      let entries = try tree.readDirectory(directory, after: last, limit: 256)
      for entry in entries {
        let separator = path.isEmpty ? [] : [UInt8(ascii: "/")]
        try write(
          entry.file, as: entry.name.bytes, in: target,
          path: path + separator + entry.name.bytes)
      }
      guard entries.count == 256 else { return }
      last = entries.last?.name
    }
  }

  private func write(
    _ file: FileID, as name: [UInt8], in target: HostDirectory, path: [UInt8]
  ) throws(StoreError) {
    let node = try ExportedNode(file, of: tree)
    let place = target.path + "/" + ByteText.text(name)
    if node.attributes.kind != .directory, node.attributes.linkCount > 1 {
      if let first = links[file] {
        report.hardLinkCount += 1
        return try writing(place) { () throws(SystemError) in
          try target.makeHardLink(name, to: first, in: top)
        }
      }
      links[file] = path
    }
    switch node.attributes.kind {
    case .regular:
      report.fileCount += 1
      report.byteCount += node.attributes.byteCount
      try writeFile(node, as: name, in: target, place)
    case .directory:
      report.directoryCount += 1
      let made = try writing(place) { () throws(SystemError) in
        try target.makeDirectory(name, permissions: 0o700)
        return try target.openDirectory(name)
      }
      try write(file, into: made, path: path)
      try restore(node, of: name, in: target)
    case .symbolicLink:
      report.symbolicLinkCount += 1
      try writing(place) { () throws(SystemError) in
        try target.makeSymbolicLink(name, to: node.target)
      }
      try restore(node, of: name, in: target)
    case .characterDevice, .blockDevice, .fifo, .socket:
      report.specialFileCount += 1
      try writing(place) { () throws(SystemError) in
        try target.makeSpecial(
          name, node.attributes.kind.hostKind, permissions: 0o600,
          device: HostDevice(packed: node.attributes.device))
      }
      try restore(node, of: name, in: target)
    }
  }

  /// Restores what a name has besides content; an empty name means the directory itself.
  func restore(
    _ node: ExportedNode, of name: [UInt8], in directory: HostDirectory
  ) throws(StoreError) {
    let attributes = node.attributes
    let place = directory.path + "/" + ByteText.text(name)
    for (attribute, value) in node.extended {
      try allowing(place, losses.addAttribute) { () throws(SystemError) in
        try directory.setAttribute(attribute.bytes, to: value, of: name)
      }
    }
    try allowing(place, losses.addOwner) { () throws(SystemError) in
      try directory.setOwner(of: name, user: attributes.userID, group: attributes.groupID)
    }
    try writing(place) { () throws(SystemError) in
      if attributes.kind != .symbolicLink {
        try directory.setPermissions(of: name, UInt32(attributes.permissions))
      }
      try directory.setTimes(
        of: name, accessed: attributes.accessed.nanoseconds,
        modified: attributes.modified.nanoseconds)
    }
  }

  /// Runs a call that only some users may make; counts when this one may not.
  private func allowing(
    _ place: String, _ loss: () -> Void, _ body: () throws(SystemError) -> Void
  ) throws(StoreError) {
    do throws(SystemError) {
      try body()
    } catch {
      guard error.isDenied || error.isUnsupported else {
        throw StoreError(writing: error, object: place)
      }
      loss()
    }
  }

  // MARK: Contents

  private func writeFile(
    _ node: ExportedNode, as name: [UInt8], in target: HostDirectory, _ place: String
  ) throws(StoreError) {
    let attributes = node.attributes
    let output = try writing(place) { () throws(SystemError) in
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

/// A file of the target while its content is written. Whoever writes the last piece restores what
/// the file has besides.
final class ExportedContent: Sendable {
  private let node: ExportedNode
  private let output: HostFile
  private let losses: DirectoryExport.Losses
  private let openCount = Mutex(1)

  init(_ node: ExportedNode, _ output: HostFile, losses: DirectoryExport.Losses) {
    self.node = node
    self.output = output
    self.losses = losses
  }

  func begin() { openCount.withLock { $0 += 1 } }

  func write(
    _ range: Range<UInt64>, of tree: FileTree, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) {
    let byteCount = Int(range.upperBound - range.lowerBound)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
    let count = try tree.read(node.attributes.file, at: range.lowerBound, into: bytes)
    guard count == byteCount else {
      throw StoreError(
        .conflict, "changed while it was exported", object: output.path,
        remedy: "export a snapshot of the branch")
    }
    try writing(output.path) { () throws(SystemError) in
      try output.write(UnsafeRawBufferPointer(bytes), at: range.lowerBound)
    }
    try seal()
  }

  /// Ends a piece, or the handing out of pieces.
  func seal() throws(StoreError) {
    let isLast = openCount.withLock { count in
      count -= 1
      return count == 0
    }
    guard isLast else { return }
    let attributes = node.attributes
    for (name, value) in node.extended {
      try allowing(losses.addAttribute) { () throws(SystemError) in
        try output.setAttribute(name.bytes, to: value)
      }
    }
    try allowing(losses.addOwner) { () throws(SystemError) in
      try output.setOwner(user: attributes.userID, group: attributes.groupID)
    }
    try writing(output.path) { () throws(SystemError) in
      try output.setPermissions(UInt32(attributes.permissions))
      try output.setTimes(
        accessed: attributes.accessed.nanoseconds, modified: attributes.modified.nanoseconds)
    }
  }

  private func allowing(
    _ loss: () -> Void, _ body: () throws(SystemError) -> Void
  ) throws(StoreError) {
    do throws(SystemError) {
      try body()
    } catch {
      guard error.isDenied || error.isUnsupported else {
        throw StoreError(writing: error, object: output.path)
      }
      loss()
    }
  }
}
