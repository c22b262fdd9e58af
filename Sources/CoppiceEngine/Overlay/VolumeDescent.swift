internal import CoppiceFormat

/// A way down through a volume's parts, topmost first: as far as the topmost one that replaced what
/// was below it, or else to the root's tree.
struct VolumeDescent {
  private var isReplaced = false
  private var adopted: Ref?

  /// Goes on to a layer's part; returns whether anything of it shows.
  mutating func enter(_ part: VolumeLayer) -> Bool {
    if isReplaced { return false }
    isReplaced = part.replaces
    adopted = part.adopted
    return true
  }

  /// The top node of the tree below the parts that were entered; `nil` where there is none.
  func top(
    of volume: VolumeNumber, below root: RootView, _ frames: FrameReader
  ) throws(StoreError) -> Node? {
    guard isReplaced else { return try root.top(volume) }
    return try adopted.map { ref throws(StoreError) in try frames.node(ref) }
  }
}
