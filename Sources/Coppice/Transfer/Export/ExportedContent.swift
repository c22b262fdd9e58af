internal import CoppicePlatform
internal import Synchronization

/// A file of the target while its content is written. Whoever writes the last piece restores what
/// the file has besides.
final class ExportedContent: Sendable {
  private let node: ExportedNode
  private let output: HostFile
  private let losses: ExportLosses
  private let openCount = Mutex(1)

  init(_ node: ExportedNode, _ output: HostFile, losses: ExportLosses) {
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
    if isLast { try output.restore(node, losses) }
  }
}
