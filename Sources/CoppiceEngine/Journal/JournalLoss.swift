package import CoppiceFormat

/// Acknowledged journal records that are damaged or missing.
package struct JournalLoss: Hashable, Sendable {
  package var first: LSN
  package var last: LSN
  /// The journal file in which they should be.
  package var file: String
  /// Branches that intact records among them or behind them concern.
  package var branches: Set<BranchID> = []
  /// Volumes that these records write to.
  package var volumes: Set<VolumeNumber> = []
}
