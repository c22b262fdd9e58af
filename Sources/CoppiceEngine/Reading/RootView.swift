package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// A branch state's sealed part, with the way to the top nodes of recently used volumes kept.
///
/// Immutable but for that cache; shared by all branches on this root.
package final class RootView: Sendable {
  package let root: Ref
  private let frames: FrameReader
  private let tops = Mutex(IntegerMap<Node>())
  private static let cachedTopCountMax = 256

  init(_ root: Ref, frames: FrameReader) {
    self.root = root
    self.frames = frames
  }

  /// The top node of a volume; `nil` when the state has no such volume.
  func top(_ volume: VolumeNumber) throws(StoreError) -> Node? {
    if let known = tops.withLock({ $0[volume.rawValue] }) { return known }
    guard let ref = try topRef(volume) else { return nil }
    let node = try frames.node(ref)
    tops.withLock { tops in
      if tops.count >= Self.cachedTopCountMax { tops = IntegerMap() }
      tops.insert(node, at: volume.rawValue)
    }
    return node
  }

  /// The ref of a volume's top node.
  func topRef(_ volume: VolumeNumber) throws(StoreError) -> Ref? {
    guard !root.isHole else { return nil }
    var node = try frames.node(root)
    guard volume.rawValue < Radix.coverage(level: node.header.level) else { return nil }
    while true {
      let ref = node[Radix.slot(of: volume.rawValue, level: node.header.level)]
      if ref.isHole { return nil }
      if node.header.level == 0 { return ref }
      node = try frames.node(ref)
    }
  }

  func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    try top(volume)?.attributes
  }

  /// The page's ref; `nil` for a hole or where there is no such volume.
  func pageRef(_ volume: VolumeNumber, _ page: PageNumber) throws(StoreError) -> Ref? {
    guard let top = try top(volume) else { return nil }
    return try frames.pageRef(under: top, page)
  }
}

extension Node {
  /// Of a volume's top node.
  var attributes: VolumeAttributes {
    VolumeAttributes(byteCount: header.byteCount, modified: header.modified)
  }
}

extension FrameReader {
  /// The ref of a page in the tree under a volume's top node; `nil` for a hole.
  func pageRef(under top: Node, _ page: PageNumber) throws(StoreError) -> Ref? {
    var node = top
    guard page.rawValue < Radix.coverage(level: node.header.level) else { return nil }
    while true {
      let ref = node[Radix.slot(of: page.rawValue, level: node.header.level)]
      if ref.isHole { return nil }
      if node.header.level == 0 { return ref }
      node = try self.node(ref)
    }
  }

  /// The leaf that holds the page, if there is one.
  func leaf(under top: Node, _ page: PageNumber) throws(StoreError) -> Node? {
    var node = top
    guard page.rawValue < Radix.coverage(level: node.header.level) else { return nil }
    while node.header.level > 0 {
      let ref = node[Radix.slot(of: page.rawValue, level: node.header.level)]
      if ref.isHole { return nil }
      node = try self.node(ref)
    }
    return node
  }
}
