internal import CoppiceFormat
internal import CoppicePlatform

/// What opening found, before anything runs.
struct OpenedStore {
  var disk: any Disk
  var clock: any StoreClock
  var lock: any DiskLock
  var superblock: Superblock
  var catalogue: CatalogueState
  var catalogueNumber: UInt64
  var journal: RecoveredJournal
}
