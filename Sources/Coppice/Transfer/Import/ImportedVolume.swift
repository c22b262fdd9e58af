internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// A file's content while its leaves are put, by several threads and in any order. The thread that
/// puts the last one completes it.
final class ImportedVolume: Sendable {
  private struct State {
    /// Leaves that are not put yet, and one for whoever still hands out leaves.
    var openCount = 1
    var byteCount: UInt64 = 0
  }

  let file: FileID
  private let staging: StagingImport
  private let modified: Int64
  private let state = Mutex(State())
  /// Runs once the content is complete.
  private let completion: @Sendable () throws(StoreError) -> Void

  init(
    _ file: FileID, modified: Int64, staging: StagingImport,
    completion: @escaping @Sendable () throws(StoreError) -> Void
  ) {
    self.file = file
    self.modified = modified
    self.staging = staging
    self.completion = completion
  }

  /// Announces a leaf that will be put.
  func begin() { state.withLock { $0.openCount += 1 } }

  /// Puts an announced leaf.
  func put(leaf: UInt64, _ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    try staging.putLeaf(file.volume, leafIndex: leaf, pages: bytes)
    try end(byteCount: nil)
  }

  /// Says that no further leaf will be announced, and how long the file is.
  func seal(byteCount: UInt64) throws(StoreError) { try end(byteCount: byteCount) }

  private func end(byteCount: UInt64?) throws(StoreError) {
    let complete = state.withLock { state -> UInt64? in
      if let byteCount { state.byteCount = byteCount }
      state.openCount -= 1
      return state.openCount == 0 ? state.byteCount : nil
    }
    guard let complete else { return }
    try staging.finishVolume(file.volume, byteCount: complete, modified: modified)
    try completion()
  }
}

extension StagingImport {
  /// Bytes of the pages below one leaf node: the unit of work.
  var leafByteCount: Int { pageByteCount * 256 }
}
