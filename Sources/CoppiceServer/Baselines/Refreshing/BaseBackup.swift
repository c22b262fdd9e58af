internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// A base backup of a running PostgreSQL, streamed into the part of a refresh: pages that the work
/// branch has cost nothing, and nothing lies on a disk in between.
///
/// Beside it the origin's log is received into a part of its own, from where the backup begins
/// until its end is in it: two connections and no slot, and nothing that the origin might take away
/// before a long backup ends. The origin keeps what is needed at the beginning until another
/// checkpoint has ended.
struct BaseBackup {
  let service: String
  let intake: BaselineIntake

  private static let logSeconds: UInt64 = 60
  private static let segmentStatement =
    "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size'"

  /// Throws `unavailable` with the programs' words when the origin ends or refuses.
  func take() throws(StoreError) -> BaselineIntake.Brought {
    let client = try intake.client(service)
    let log = intake.refresh.refresher.newPartName(intake.baseline.name, "log")
    try intake.makeEmptyPart(log)
    defer { intake.refresh.refresher.deletePart(log) }
    let segment = try client.rows(Self.segmentStatement).first?.first.flatMap { $0 }
    let backup = try client.start("pg_basebackup", arguments(client))
    defer { backup.end() }
    let beginning = try beginning(of: backup, client)
    guard let start = BackupStart(in: beginning) else {
      throw StoreError(
        .unavailable, "the backup does not tell where its log begins",
        object: "postgres:\(service)", remedy: "take it from a server of version 13 or newer")
    }
    let mark = segment.flatMap { Int($0) }.flatMap { byteCount in
      LogSegment(containing: start.position, timeline: start.timeline, byteCount: byteCount)
        .previous
    }
    if let mark { try place(mark, in: try intake.store.branch(log)) }
    let directory = try intake.directory(of: log)
    let receiver = try client.start("pg_receivewal", Self.receiving(client, into: directory))
    defer { receiver.end() }
    try waitForLog(log, receiver, besides: mark, client)
    let brought = try bring(backup, after: beginning, client)
    let end = try manifestEnd(client)
    receiver.signal(.interrupt)
    do throws(SystemError) { _ = try receiver.wait() } catch {
      throw StoreError(error, while: "waiting for pg_receivewal")
    }
    // What it has not received yet, to the byte before the backup's end: also where it was killed.
    try removePartial(from: log)
    let rest = Self.receiving(client, into: directory) + ["--endpos", "\(end)"]
    let finisher = try client.start("pg_receivewal", rest)
    defer { finisher.end() }
    try client.finish(finisher, "pg_receivewal")
    try intake.settle(log)
    try moveLog(from: log, besides: mark)
    return brought
  }

  private func arguments(_ client: ServiceClient) -> [String] {
    let preparation = intake.baseline.preparation
    let rate = preparation?.rateMax.map { ["--max-rate", $0] } ?? []
    return rate + [
      "--pgdata", "-", "--format", "tar", "--wal-method", "none", "--no-password",
      "--checkpoint", preparation?.isHurried == true ? "fast" : "spread", "--label", "coppice",
      "--dbname", client.connection(),
    ]
  }

  /// Waits until the origin has written what it had in memory, which may take long. Its first file
  /// tells from where on its log is needed.
  private func beginning(
    of backup: StreamingProgram, _ client: ServiceClient
  ) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: BackupStart.byteCountMax)
    do throws(SystemError) {
      let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try backup.output.readNext(
          into: UnsafeMutableRawBufferPointer(buffer), while: intake.refresh.isWanted)
      }
      if count == bytes.count { return bytes }
    } catch {
      throw StoreError(error, while: "waiting for pg_basebackup")
    }
    // It ended before there was anything to read.
    try client.finish(backup, "pg_basebackup")
    throw client.failure(of: backup, "pg_basebackup")
  }

  /// Has pg_receivewal begin behind a file of the log: with the next after the last that is there.
  private func place(_ mark: LogSegment, in branch: Branch) throws(StoreError) {
    let owner = intake.owner
    let file = try branch.createFile(
      try FileName(mark.name), in: .root, NewFile(permissions: 0o600, userID: owner, groupID: owner)
    ).file
    try branch.truncate(file, to: UInt64(mark.byteCount))
    try branch.flush()
  }

  private static func receiving(_ client: ServiceClient, into directory: String) -> [String] {
    ["--no-loop", "--no-password", "--dbname", client.connection(), "--directory", directory]
  }

  /// Until the first of the log is received, the backup is not read.
  private func waitForLog(
    _ log: String, _ receiver: StreamingProgram, besides mark: LogSegment?, _ client: ServiceClient
  ) throws(StoreError) {
    let branch = try intake.store.branch(log)
    let isThere = { () throws(StoreError) -> Bool in
      try branch.readDirectory(.root).contains { "\($0.name)" != mark?.name }
    }
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + Self.logSeconds * 1_000_000_000
    while try !isThere() {
      let end: ProcessEnd?
      do throws(SystemError) { end = try receiver.end(within: 50) } catch {
        throw StoreError(error, while: "waiting for pg_receivewal")
      }
      if end != nil {
        // One that ends once there is something to go on from is followed by another.
        if try isThere() { return }
        throw client.failure(of: receiver, "pg_receivewal")
      }
      try intake.refresh.asked.work.check()
      guard clock.monotonicNanoseconds() < deadline else {
        throw StoreError(
          .unavailable, "no log comes", object: "postgres:\(service)",
          remedy: "see that max_wal_senders leaves two connections")
      }
    }
  }

  private func bring(
    _ backup: StreamingProgram, after beginning: [UInt8], _ client: ServiceClient
  ) throws(StoreError) -> BaselineIntake.Brought {
    let brought: BaselineIntake.Brought
    do throws(StoreError) {
      brought = try intake.importFiles(
        .stream(fileDescriptor: backup.output.fileDescriptor, after: beginning), isTar: true)
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

  /// Whoever goes on receives the last file from its beginning, and wants it whole or not at all.
  private func removePartial(from log: String) throws(StoreError) {
    let branch = try intake.store.branch(log)
    for entry in try branch.readDirectory(.root)
    where "\(entry.name)".hasSuffix(LogSegment.partialSuffix) {
      try branch.remove(entry.name, in: .root)
    }
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
