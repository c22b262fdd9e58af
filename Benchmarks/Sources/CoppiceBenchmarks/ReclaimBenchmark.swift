internal import Coppice
internal import Foundation
internal import Glibc
internal import Synchronization

/// 90 of 100 branches that diverged from one base are deleted and their space is reclaimed while
/// four writers go on; the same content in btrfs, restic and borg.
struct ReclaimBenchmark {
  let workspace: Workspace
  private static let basePageCount = 8192
  private static let branchCount = 100
  private static let deletedCount = 90
  private static let divergedPageCount = 128
  private static let writerCount = 4

  func run() throws {
    let source = workspace.fresh("reclaim-source")
    try PageFile.write(source, pageCount: Self.basePageCount, seed: 51)
    let ours = try measureCoppice(source)
    try compare("btrfs subvolume delete and sync", ours) { try measureBtrfs(source) }
    try compare("restic forget --prune", ours) { try measureRestic(source) }
    try compare("borg prune and compact", ours) { try measureBorg(source) }
  }

  private func compare(_ name: String, _ ours: Double, _ measure: () throws -> Double) throws {
    let theirs = try measure()
    report(
      "reclaiming \(Self.deletedCount) of \(Self.branchCount) branches, against \(name)",
      "coppice \(format(ours, 2)) s beside \(Self.writerCount) writers, "
        + "\(format(theirs, 2)) s with nothing beside", ratio: theirs / ours)
  }

  /// Overwrites some pages of a file, the same for each program.
  private func diverge(_ index: Int, _ write: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows
  {
    let page = PageMemory()
    var random = Random(UInt64(1000 + index))
    for _ in 0..<Self.divergedPageCount {
      PageContent.fill(page[0], &random)
      let number = random.next(below: Self.basePageCount)
      try write(number * PageContent.byteCount, UnsafeRawBufferPointer(page[0]))
    }
  }

  // MARK: Coppice

  private func measureCoppice(_ source: String) throws -> Double {
    let directory = workspace.fresh("reclaim-coppice")
    var store = try Store.create(at: directory, options: CollectionBenchmark.manual)
    _ = try store.importFiles(from: .path(source), into: "main", at: BranchPath("data"))
    for index in 0..<Self.branchCount {
      let branch = try store.createBranch("trial-\(index)", from: "main")
      let file = try branch.open("data")
      try diverge(index) { offset, bytes in try file.write(at: UInt64(offset), bytes) }
      file.close()
    }
    try store.close()
    store = try Store.open(at: directory, options: CollectionBenchmark.manual)
    defer { try? store.close() }
    var files: [File] = []
    for index in 0..<Self.writerCount {
      files.append(try store.branch("trial-\(Self.deletedCount + index)").open("data"))
    }
    defer { for file in files { file.close() } }
    let before = CommitLatencies()
    before.run(files, for: 4) {}
    for index in 0..<Self.deletedCount { try store.delete(["trial-\(index)"]) }
    let during = CommitLatencies()
    var summary: CollectionSummary?
    var time = 0.0
    var failure: (any Error)?
    during.run(files, for: 1) {
      do { time = try measure { summary = try store.collectGarbage() } } catch { failure = error }
    }
    if let failure { throw failure }
    guard let summary else { return time }
    let ratio = during.all.quantile(0.99) / before.all.quantile(0.99)
    report(
      "commits of \(Self.writerCount) writers during a collection, 99 %",
      "\(microseconds(during.all.quantile(0.99))), "
        + "without \(microseconds(before.all.quantile(0.99)))",
      ratio: ratio, goal: .atMost(2))
    report(
      "longest pause of a writer during a collection",
      "\(format(during.all.quantile(1) * 1e3)) ms, without "
        + "\(format(before.all.quantile(1) * 1e3)) ms",
      ratio: during.all.quantile(1) / 0.05, goal: .atMost(1))
    report(
      "bytes copied for a byte reclaimed",
      "\(megabytes(summary.copiedByteCount)) for \(megabytes(summary.reclaimedByteCount)), "
        + "in \(format(time, 2)) s",
      ratio: Double(summary.copiedByteCount)
        / Double(summary.reclaimedByteCount - summary.copiedByteCount))
    return time
  }

  // MARK: Peers

  private func measureBtrfs(_ source: String) throws -> Double {
    let image = workspace.fresh("reclaim-btrfs.img")
    let mount = workspace.fresh("reclaim-btrfs")
    try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
    try Workspace.run(["truncate", "-s", "4G", image])
    try Workspace.run(["mkfs.btrfs", "-q", image])
    try Workspace.run(["mount", "-o", "loop", image, mount])
    defer { try? Workspace.run(["umount", mount]) }
    try Workspace.run(["btrfs", "subvolume", "create", "\(mount)/main"])
    try Workspace.run(["cp", source, "\(mount)/main/data"])
    for index in 0..<Self.branchCount {
      let branch = "\(mount)/trial-\(index)"
      try Workspace.run(["btrfs", "subvolume", "snapshot", "\(mount)/main", branch])
      overwrite("\(branch)/data", index)
    }
    try Workspace.run(["sync", "-f", mount])
    return try measure {
      let doomed = (0..<Self.deletedCount).map { "\(mount)/trial-\($0)" }
      try Workspace.run(["btrfs", "subvolume", "delete", "--commit-after"] + doomed)
      try Workspace.run(["btrfs", "subvolume", "sync", mount])
    }
  }

  private func overwrite(_ path: String, _ index: Int) {
    let file = open(path, O_RDWR)
    precondition(file >= 0, "cannot open \(path)")
    defer { close(file) }
    diverge(index) { offset, bytes in
      let count = pwrite(file, bytes.baseAddress, bytes.count, off_t(offset))
      precondition(count == bytes.count)
    }
  }

  /// Every branch as a backup of the base with that branch's pages.
  private func backUp(_ source: String, _ store: (Int, String) throws -> Void) throws {
    let folder = workspace.fresh("reclaim-tree")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for index in 0..<Self.branchCount {
      try Workspace.run(["cp", source, "\(folder)/data"])
      overwrite("\(folder)/data", index)
      try store(index, folder)
    }
  }

  private func measureRestic(_ source: String) throws -> Double {
    let environment = [
      "RESTIC_REPOSITORY": workspace.fresh("reclaim-restic"), "RESTIC_PASSWORD": "benchmark",
      "RESTIC_CACHE_DIR": workspace.fresh("restic-cache"),
    ]
    try Workspace.run(["restic", "init"], environment: environment)
    try backUp(source) { index, folder in
      try Workspace.run(
        ["restic", "backup", "--tag", index < Self.deletedCount ? "doomed" : "kept", folder],
        environment: environment)
    }
    return try measure {
      try Workspace.run(
        ["restic", "forget", "--tag", "doomed", "--keep-tag", "kept", "--prune"],
        environment: environment)
    }
  }

  private func measureBorg(_ source: String) throws -> Double {
    let repository = workspace.fresh("reclaim-borg")
    let environment = [
      "BORG_BASE_DIR": workspace.fresh("borg-home"),
      "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
      "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    ]
    try Workspace.run(["borg", "init", "-e", "none", repository], environment: environment)
    try backUp(source) { index, folder in
      let name = index < Self.deletedCount ? "doomed-\(index)" : "kept-\(index)"
      try Workspace.run(
        ["borg", "create", "--compression", "zstd,1", "\(repository)::\(name)", folder],
        environment: environment)
    }
    return try measure {
      try Workspace.run(
        ["borg", "delete", "--glob-archives", "doomed-*", repository], environment: environment)
      try Workspace.run(["borg", "compact", repository], environment: environment)
    }
  }
}

/// How long commits take: eight pages written and flushed.
final class CommitLatencies: Sendable {
  private let samples = Mutex(Samples())

  var all: Samples { samples.withLock { $0 } }

  /// Lets a writer work on each file while `body` runs, and for some time at least.
  func run(_ files: [File], for duration: Double, _ body: () -> Void) {
    let flag = StopFlag()
    let threads = files.enumerated().map { index, file in
      startThread { [self] in commit(to: file, UInt64(index), until: flag) }
    }
    let start = seconds()
    body()
    while seconds() - start < duration { usleep(10_000) }
    flag.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  private func commit(to file: File, _ seed: UInt64, until flag: StopFlag) {
    let content = PageMemory.filled(pageCount: 64, seed: seed)
    var random = Random(seed)
    var own: [Double] = []
    while !flag.isStopped {
      let time = measure {
        for _ in 0..<8 {
          let page = content[random.next(below: 64)]
          PageContent.update(page, &random)
          let offset = random.next(below: 8192) * PageContent.byteCount
          try? file.write(at: UInt64(offset), UnsafeRawBufferPointer(page))
        }
        try? file.flush()
      }
      own.append(time)
    }
    samples.withLock { samples in
      for value in own { samples.add(value) }
    }
  }
}

final class StopFlag: Sendable {
  private let value = Atomic<Bool>(false)
  var isStopped: Bool { value.load(ordering: .relaxed) }
  func stop() { value.store(true, ordering: .relaxed) }
}
