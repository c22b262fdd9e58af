internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// A base backup of a running PostgreSQL, streamed into the part of a refresh: pages that the work
/// branch has cost nothing, and nothing lies on a disk in between.
///
/// The origin's log is received beside it into a part of its own, from the place on that the
/// backup's label names until the one that its manifest names: two connections and no slot. The
/// label comes first of all, when the origin still has that log, and so nothing is missed that it
/// might take away before a long backup ends.
struct BaseBackup {
  let service: String
  let intake: BaselineIntake

  private static let logSeconds: UInt64 = 60
  private static let segmentStatement =
    "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size'"
  /// So much of the stream has the label.
  private static let labelByteCount = 2048

  /// Throws `unavailable` with the programs' words when the origin ends or refuses.
  func take() throws(StoreError) -> BaselineIntake.Brought {
    let client = try intake.client(service)
    let segmentByteCount = try client.rows(Self.segmentStatement).first?.first.flatMap { $0 }
    let backup = try client.start("pg_basebackup", arguments(client))
    defer { backup.end() }
    let begin = try label(of: backup, client)
    guard
      let first = BackupLabel.firstSegment(
        in: begin, byteCount: segmentByteCount.flatMap { Int($0) } ?? 0)
    else {
      throw StoreError(
        .unavailable, "the backup does not tell where its log begins",
        object: "postgres:\(service)", remedy: "take it from a server of version 13 or newer")
    }
    let log = try intake.refresh.refresher.freePartName(intake.baseline.name, "log")
    try intake.makeEmptyPart(log)
    defer { intake.refresh.refresher.deletePart(log) }
    try placeMark(before: first, in: try intake.store.branch(log))
    let receiver = try client.start("pg_receivewal", try receiving(client, into: log))
    defer { receiver.end() }
    try waitForLog(log, receiver, client)
    let brought = try importFiles(of: backup, after: begin, client)
    receiver.signal(.interrupt)
    do throws(SystemError) { _ = try receiver.wait() } catch {
      throw StoreError(error, while: "waiting for pg_receivewal")
    }
    // What it has not received yet.
    let finisher = try client.start(
      "pg_receivewal",
      try receiving(client, into: log) + ["--endpos", "\(try manifestEnd(client))"])
    defer { finisher.end() }
    try client.finish(finisher, "pg_receivewal")
    try intake.settle(log)
    try moveLog(from: log, besides: first.previous)
    return brought
  }

  private func arguments(_ client: ServiceClient) -> [String] {
    let preparation = intake.baseline.preparation
    let checkpoint = preparation?.isHurried == true ? "fast" : "spread"
    return [
      "--pgdata", "-", "--format", "tar", "--wal-method", "none", "--no-password",
      "--checkpoint", checkpoint, "--label", "coppice", "--dbname", client.connection(),
    ] + (preparation?.rateMax.map { ["--max-rate", $0] } ?? [])
  }

  private func receiving(
    _ client: ServiceClient, into log: String
  ) throws(StoreError) -> [String] {
    [
      "--no-loop", "--no-password", "--dbname", client.connection(), "--directory",
      try intake.directory(of: log),
    ]
  }

  /// The beginning of the stream, which comes when the origin has written its checkpoint.
  private func label(
    of backup: StreamingProgram, _ client: ServiceClient
  ) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.labelByteCount)
    do throws(SystemError) {
      let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try backup.output.readNext(
          into: UnsafeMutableRawBufferPointer(buffer), while: intake.refresh.isWanted)
      }
      if count == bytes.count { return bytes }
    } catch {
      throw StoreError(error, while: "waiting for pg_basebackup")
    }
    try client.finish(backup, "pg_basebackup")
    throw client.failure(of: backup, "pg_basebackup")
  }

  /// Until the first of the log is received, the backup waits.
  private func waitForLog(
    _ log: String, _ receiver: StreamingProgram, _ client: ServiceClient
  ) throws(StoreError) {
    let branch = try intake.store.branch(log)
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + Self.logSeconds * 1_000_000_000
    // One file marks where to begin.
    while try branch.readDirectory(.root).count < 2 {
      let end: ProcessEnd?
      do throws(SystemError) { end = try receiver.end(within: 50) } catch {
        throw StoreError(error, while: "waiting for pg_receivewal")
      }
      if end != nil { throw client.failure(of: receiver, "pg_receivewal") }
      try intake.refresh.asked.work.check()
      guard clock.monotonicNanoseconds() < deadline else {
        throw StoreError(
          .unavailable, "no log comes", object: "postgres:\(service)",
          remedy: "see that max_wal_senders leaves two connections")
      }
    }
  }

  private func importFiles(
    of backup: StreamingProgram, after begin: [UInt8], _ client: ServiceClient
  ) throws(StoreError) -> BaselineIntake.Brought {
    let brought: BaselineIntake.Brought
    do throws(StoreError) {
      brought = try intake.importFiles(
        .stream(fileDescriptor: backup.output.fileDescriptor, after: begin), isTar: true)
    } catch {
      // A stream that breaks off says less than who broke it off.
      let end = try? backup.end(within: 1000)
      guard let end, end != .exited(0), !intake.refresh.asked.work.isCancelled else { throw error }
      throw client.failure(of: backup, "pg_basebackup")
    }
    try client.finish(backup, "pg_basebackup")
    return brought
  }

  /// The last byte of the log that recovery of the backup needs.
  private func manifestEnd(_ client: ServiceClient) throws(StoreError) -> WALPosition {
    let branch = try intake.store.branch(intake.part)
    let file = try branch.lookup(try BranchPath(escaped: BackupManifest.name))
    let byteCount = try branch.attributes(of: file).byteCount
    let tailByteCount = UInt64(BackupManifest.tailByteCountMax)
    let tail = try branch.read(file, at: byteCount > tailByteCount ? byteCount - tailByteCount : 0)
    if let end = BackupManifest.end(inTail: tail), end.byteOffset > 0 {
      return WALPosition(end.byteOffset - 1)
    }
    throw StoreError(
      .unavailable, "the backup's manifest does not tell where its log ends",
      object: "postgres:\(service)", remedy: "take it from a server of version 13 or newer")
  }

  // MARK: The log

  /// Has pg_receivewal begin with a file: it goes on behind the last one that is there.
  private func placeMark(before first: LogSegment, in branch: Branch) throws(StoreError) {
    guard let mark = first.previous else { return }
    let owner = try branch.attributes(of: .root)
    let file = try branch.createFile(
      try FileName(mark.name), in: .root,
      NewFile(permissions: 0o600, userID: owner.userID, groupID: owner.groupID)
    ).file
    try branch.truncate(file, to: UInt64(mark.byteCount))
    try branch.flush()
  }

  /// Puts the files of the log that the backup needs where recovery looks for them.
  private func moveLog(from log: String, besides mark: LogSegment?) throws(StoreError) {
    let source = try intake.store.branch(log)
    let target = try intake.store.branch(intake.part)
    let directory = try target.lookup("pg_wal", in: .root).file
    for entry in try source.readDirectory(.root) where entry.kind == .regular {
      // What marks where to begin is no part of it.
      guard "\(entry.name)" != mark?.name, let name = LogSegment.finishedName("\(entry.name)")
      else { continue }
      try Self.copy(entry.file, of: source, to: name, in: directory, of: target)
    }
    try target.flush()
  }

  private static let pieceByteCount = 4 << 20

  private static func copy(
    _ file: FileID, of source: Branch, to name: String, in directory: FileID, of target: Branch
  ) throws(StoreError) {
    let owner = try target.attributes(of: directory)
    let name = try FileName(name)
    if try target.lookupIfPresent(name, in: directory) != nil {
      try target.remove(name, in: directory)
    }
    let copy = try target.createFile(
      name, in: directory,
      NewFile(permissions: 0o600, userID: owner.userID, groupID: owner.groupID)
    ).file
    let byteCount = try source.attributes(of: file).byteCount
    var offset: UInt64 = 0
    while offset < byteCount {
      let bytes = try source.read(file, at: offset, byteCount: pieceByteCount)
      guard !bytes.isEmpty else { break }
      try target.write(copy, at: offset, bytes)
      offset += UInt64(bytes.count)
    }
  }
}
