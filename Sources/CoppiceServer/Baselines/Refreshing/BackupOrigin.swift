internal import Coppice
internal import CoppicePostgreSQL

/// Where a backup's log begins, of the server that it is taken from.
///
/// A primary begins a backup with a checkpoint of its own, after which all of the log that is
/// needed comes. A standby takes the last one that it has replayed, and the log from there has been
/// received before.
struct BackupOrigin {
  /// The file of the log before the first that is needed; `nil` where that is still to come.
  let mark: LogSegment?

  private static let statement = """
    SELECT pg_catalog.pg_is_in_recovery(), c.redo_lsn, c.timeline_id, \
    (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size') \
    FROM pg_catalog.pg_control_checkpoint() c
    """

  init(_ client: ServiceClient) throws(StoreError) {
    guard let row = try client.rows(Self.statement).first, row.count == 4, row[0] == "t",
      let redo = row[1].flatMap({ WALPosition($0) }), let timeline = row[2].flatMap({ UInt32($0) }),
      let byteCount = row[3].flatMap({ Int($0) }), byteCount > 0
    else {
      mark = nil
      return
    }
    mark =
      LogSegment(containing: redo, timeline: timeline, byteCount: byteCount).previous
  }

  /// Has pg_receivewal begin behind it: with the file behind the last one that is there.
  func place(in branch: Branch, owner: UInt32) throws(StoreError) {
    guard let mark else { return }
    let file = try branch.createFile(
      try FileName(mark.name), in: .root, NewFile(permissions: 0o600, userID: owner, groupID: owner)
    ).file
    try branch.truncate(file, to: UInt64(mark.byteCount))
    try branch.flush()
  }
}
