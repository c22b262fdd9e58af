package import CoppiceFormat
internal import CoppicePlatform

/// The sealed state of a branch or snapshot as the frames that it is made of, for whoever stores
/// these elsewhere. They stay readable as long as the tree is held, whatever becomes of the branch.
///
/// Thread-safe.
package final class SealedTree: Sendable {
  package let root: Ref
  package let domain: DomainID
  /// The store's last one when the state was taken.
  package let lsn: LSN
  /// Of all volumes but that of names.
  package let logicalByteCount: UInt64
  private let core: StoreCore
  private let key: UInt64

  /// - Parameter key: of the state's pin, which goes with the tree.
  init(_ branch: EngineBranch, root: Ref, key: UInt64, lsn: LSN, logicalByteCount: UInt64) {
    self.root = root
    self.key = key
    self.lsn = lsn
    self.logicalByteCount = logicalByteCount
    domain = branch.domain
    core = branch.core
  }

  deinit { core.pins.remove(key) }

  package var secret: HashSecret { core.secret }
  package var pageByteCount: Int { core.pageByteCount }

  /// A node of the tree. Throws `corrupt` for one that is damaged.
  package func node(_ ref: Ref) throws(StoreError) -> Node {
    try core.gate.checkOpen()
    return try core.frames.node(ref)
  }

  /// Copies pages as they are stored, after each was decoded and held against its hash: damage
  /// here goes nowhere. Throws `corrupt` for the first that is damaged.
  ///
  /// - Parameter wantsBase: whether the full page that a page builds on is to be copied before it;
  ///   gets the index in `refs` too.
  package func copy(
    _ refs: [Ref], wantsBase: (_ base: Ref, _ index: Int) throws(StoreError) -> Bool
  ) throws(StoreError) -> CopiedPages {
    try core.gate.checkOpen()
    return try core.frames.codecs.withSet { set throws(StoreError) in
      let copies = CopiedPages()
      for (index, ref) in refs.enumerated() {
        let stored = try core.frames.storedPage(ref, set)
        let start = copies.buffer.byteCount
        copies.buffer.append(stored.bytes)
        let range = start..<copies.buffer.byteCount
        guard let base = stored.base else {
          copies.pages.append(
            CopiedPages.Page(ref: ref, payload: range, base: nil, basePayload: nil))
          continue
        }
        var basePayload: Range<Int>?
        if try wantsBase(base, index) {
          copies.buffer.append(try core.frames.storedBase(base, set))
          basePayload = range.upperBound..<copies.buffer.byteCount
        }
        copies.pages.append(
          CopiedPages.Page(
            ref: ref, payload: range.dropFirst(Locator.byteCount), base: base,
            basePayload: basePayload))
      }
      return copies
    }
  }
}
