internal import Coppice

extension EstimateReport.Peer {
  /// What others would store of a second content: all of each unit in which a byte differs, before
  /// they compress anything, and without what they keep besides.
  static func all(_ sums: Tally.Sums, byteCount: UInt64) -> [EstimateReport.Peer] {
    let units = [
      ("reflink copy (XFS, btrfs)", 4 << 10), ("ZFS, recordsize 8K", 8 << 10),
      ("qcow2, clusters of 64K", 64 << 10), ("ZFS, recordsize 128K", 128 << 10),
    ]
    return [Self(name: "full copy", byteCount: byteCount)]
      + [Self(name: "overlayfs", byteCount: sums.changedFileByteCount)]
      + units.map { name, unit in
        Self(name: name, unitByteCount: unit, byteCount: sums.changed.byteCount(ofUnit: unit))
      }
  }
}
