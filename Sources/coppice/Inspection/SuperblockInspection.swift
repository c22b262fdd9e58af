internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat

/// What the superblock says; the secret is not shown.
struct SuperblockInspection: Reply, Decodable {
  var identifier: String
  var formatVersion: UInt32
  var compatibleFlags: UInt64
  var readCompatibleFlags: UInt64
  var incompatibleFlags: UInt64
  var hashKind: UInt8
  var pageByteCount: Int
  var nodeSlotCount: Int

  init(_ inspector: StoreInspector) throws(StoreError) {
    let content = try inspector.superblock().content
    let superblock: Superblock
    do throws(FormatError) { superblock = try content.get() } catch {
      throw StoreError(error, in: "superblock")
    }
    identifier = superblock.uuid.description
    formatVersion = superblock.formatVersion
    compatibleFlags = superblock.compatibleFlags
    readCompatibleFlags = superblock.readCompatibleFlags
    incompatibleFlags = superblock.incompatibleFlags
    hashKind = superblock.hashKind
    pageByteCount = superblock.pageByteCount
    nodeSlotCount = 1 << Int(superblock.nodeShift)
  }

  var text: String {
    """
    identifier      \(identifier)
    format version  \(formatVersion)
    flags           \(compatibleFlags) compatible, \(readCompatibleFlags) read-compatible, \
    \(incompatibleFlags) incompatible
    hash kind       \(hashKind)
    page            \(pageByteCount) bytes
    node            \(nodeSlotCount) slots

    """
  }
}
