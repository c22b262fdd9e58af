package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// A branch state's sealed part, with the way to the top nodes of recently used volumes kept.
///
/// Immutable but for that cache; shared by all branches on this root.
package final class RootView: Sendable {
  package let root: Ref
  private let frames: FrameReader
  /// Volumes with writes in the journal that could not be laid over what is damaged here.
  private let blocked = Mutex<[VolumeNumber: StoreError]>([:])
  private let hotTops = (0..<CoreLocks.count).map { _ in HotTops() }

  init(_ root: Ref, frames: FrameReader) {
    self.root = root
    self.frames = frames
  }

  /// From here on nobody reads the volume, though its damage may be gone: not without those writes.
  /// For opening, before anybody has read it.
  func block(_ volume: VolumeNumber, _ error: StoreError) {
    blocked.withLock { $0[volume] = error }
  }

  /// Takes over what nobody may read of a root of the same content.
  func block(likeIn other: RootView) {
    let volumes = other.blocked.withLock { $0 }
    blocked.withLock { $0.merge(volumes) { first, _ in first } }
  }

  /// The top node of a volume; `nil` when the state has no such volume.
  func top(_ volume: VolumeNumber) throws(StoreError) -> Node? {
    let hot = hotTops[CoreLocks.current]
    if let known = hot.node(volume) { return known }
    guard let ref = try topRef(volume) else { return nil }
    let node = try frames.node(ref)
    hot.insert(node, volume)
    return node
  }

  /// The ref of a volume's top node.
  func topRef(_ volume: VolumeNumber) throws(StoreError) -> Ref? {
    guard !root.isHole else { return nil }
    if let error = blocked.withLock({ $0[volume] }) { throw error }
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

  /// Copies from a page whose nodes and content are all cached; see `CachedRead`.
  func copyCached(
    _ read: CachedRead, byteCount: UInt64?, core: Int
  ) -> Int? {
    guard
      case .slot(let ownByteCount, var level, var ref) =
        hotTops[core].lookup(read.volume, read.page)
    else { return nil }
    let count = read.count(before: byteCount ?? ownByteCount)
    while level > 0, !ref.isHole {
      level -= 1
      let slot = Radix.slot(of: read.page, level: level)
      guard
        let child = frames.nodes.withValue(ref.locator.name, hash: ref.hash, { $0.refs[slot] })
      else { return nil }
      ref = child
    }
    if ref.isHole {
      read.zero(count)
      return count
    }
    return frames.pages.withValue(ref.locator.name, hash: ref.hash) { page in
      read.copy(count, from: page.bytes)
      return count
    }
  }
}

/// A read inside one page that only takes what is cached. It copies under the locks of what it
/// looks at, and neither retains an object that all cores share nor waits for a device; where
/// anything is missing it answers nil, and the caller reads in the usual way.
struct CachedRead {
  let volume: VolumeNumber
  let offset: UInt64
  let page: UInt64
  /// Where the read begins in the page.
  let start: Int
  let target: UnsafeMutableRawBufferPointer

  /// `nil` when the read is not inside one page.
  init?(
    _ volume: VolumeNumber, at offset: UInt64, into target: UnsafeMutableRawBufferPointer,
    pageShift: Int
  ) {
    page = offset >> UInt64(pageShift)
    start = Int(offset & (1 << UInt64(pageShift) - 1))
    guard target.count > 0, start + target.count <= 1 << pageShift else { return nil }
    self.volume = volume
    self.offset = offset
    self.target = target
  }

  /// How many bytes there are to read before the volume's end.
  func count(before end: UInt64) -> Int {
    end <= offset ? 0 : Int(min(UInt64(target.count), end - offset))
  }

  func copy(_ count: Int, from page: UnsafeMutableRawPointer) {
    if count > 0 { target.baseAddress?.copyMemory(from: page + start, byteCount: count) }
  }

  func zero(_ count: Int) {
    target.baseAddress?.initializeMemory(as: UInt8.self, repeating: 0, count: count)
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
    guard let leaf = try leaf(under: top, page) else { return nil }
    let ref = leaf[Radix.slot(of: page.rawValue, level: 0)]
    return ref.isHole ? nil : ref
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
