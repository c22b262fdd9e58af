internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Copies of what a pool has of nodes and indexes, in a folder of the store: the next push and the
/// next collection read nothing of it back.
///
/// All of it may be lost or wrong: what comes from here is verified as what comes from the pool,
/// and fetched anew where it does not hold.
final class ContentCache: Sendable {
  enum Kind: String {
    /// The content of a segment of nodes.
    case nodes
    /// An index with its footer, behind the segment's byte count (u64).
    case index
  }

  private let disk: any Disk
  private let folder: String

  init(disk: any Disk, folder: String) {
    self.disk = disk
    self.folder = folder
  }

  private func path(_ kind: Kind, _ id: SegmentID) -> String {
    "\(folder)/\(kind.rawValue)-\(id.rawValue)"
  }

  func bytes(_ kind: Kind, _ id: SegmentID) -> [UInt8]? {
    // What cannot be read is fetched.
    guard let bytes = try? disk.contents(of: path(kind, id)), bytes.count > 8 else { return nil }
    let content = Array(bytes[8...])
    let sum = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self).littleEndian }
    return content.withUnsafeBytes { checksum64($0) } == sum ? content : nil
  }

  func insert(_ bytes: [UInt8], _ kind: Kind, _ id: SegmentID) {
    let sum = bytes.withUnsafeBytes { checksum64($0) }
    let name = path(kind, id)
    // A full disk caches less.
    try? disk.replace(
      name, with: withUnsafeBytes(of: sum.littleEndian) { Array($0) } + bytes,
      unfinished: name + ".new")
  }

  /// Forgets segments that the pool has no more.
  func remove(_ ids: some Sequence<SegmentID>) {
    for id in ids {
      // What stays takes room, nothing else.
      try? disk.remove(path(.nodes, id))
      try? disk.remove(path(.index, id))
    }
  }
}
