internal import CoppiceFormat
internal import Synchronization

/// The top nodes of the volumes that one core reads of one root: what a reader needs of them as
/// plain values, so that using them neither retains nor releases an object that all cores share.
final class HotTops: Sendable {
  private static let slotCount = 16

  struct Entry {
    var volume: UInt64
    var refs: UnsafePointer<Ref>
    var level: UInt8
    var byteCount: UInt64
    /// Keeps `refs`.
    var node: Node
  }

  private struct State: @unchecked Sendable {
    var entries: [Entry?] = []
  }

  private let state = Mutex(State())
  /// Keeps the lock's cache line to this core.
  private let padding: InlineArray<14, UInt64> = InlineArray(repeating: 0)

  /// The cached node of a volume.
  func node(_ volume: VolumeNumber) -> Node? {
    state.withLock { state in
      guard !state.entries.isEmpty,
        let entry = state.entries[Self.slot(volume)], entry.volume == volume.rawValue
      else { return nil }
      return entry.node
    }
  }

  func insert(_ node: Node, _ volume: VolumeNumber) {
    // What is replaced is released after the lock is.
    var replaced: Entry?
    state.withLock { state in
      if state.entries.isEmpty {
        state.entries = [Entry?](repeating: nil, count: Self.slotCount)
      }
      let slot = Self.slot(volume)
      replaced = state.entries[slot]
      state.entries[slot] = Entry(
        volume: volume.rawValue, refs: node.refs, level: node.header.level,
        byteCount: node.header.byteCount, node: node)
    }
    _ = replaced
  }

  enum Answer {
    case unknown
    /// The volume's byte count, the level of its top node, and the ref in the slot for a page; a
    /// hole also where the node does not reach.
    case slot(byteCount: UInt64, level: UInt8, ref: Ref)
  }

  func lookup(_ volume: VolumeNumber, _ page: UInt64) -> Answer {
    state.withLock { state in
      state.entries.withUnsafeBufferPointer { entries in
        guard !entries.isEmpty else { return .unknown }
        let pointer = entries.baseAddress.unsafelyUnwrapped + Self.slot(volume)
        guard pointer.pointee?.volume == volume.rawValue,
          let refs = pointer.pointee?.refs, let level = pointer.pointee?.level,
          let byteCount = pointer.pointee?.byteCount
        else { return .unknown }
        if page >= Radix.coverage(level: level) {
          return .slot(byteCount: byteCount, level: level, ref: .hole)
        }
        return .slot(
          byteCount: byteCount, level: level, ref: refs[Radix.slot(of: page, level: level)])
      }
    }
  }

  private static func slot(_ volume: VolumeNumber) -> Int {
    Int(truncatingIfNeeded: volume.rawValue) & (slotCount - 1)
  }
}
