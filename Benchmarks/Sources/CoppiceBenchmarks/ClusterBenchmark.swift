internal import Coppice
internal import Foundation

/// A real PostgreSQL cluster, before and after some thousand row changes: import, import again, and
/// what the changes add, against restic and borg; and what VACUUM adds, by which rows move.
struct ClusterBenchmark {
  let workspace: Workspace

  func run() throws {
    let cluster = workspace.fresh("cluster")
    try Workspace.run([Self.script, cluster])
    let before = "\(cluster)/before"
    let after = "\(cluster)/after"
    try Workspace.warm(cluster)
    try compareImports(before, after)
    try measureDivergence("\(before)/base", "\(after)/base")
    try compareVacuum("\(cluster)/aged/base", "\(cluster)/vacuumed/base")
  }

  private static var script: String {
    let source = URL(fileURLWithPath: #filePath)
    return source.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("cluster").path
  }

  // MARK: Imports

  /// What one program took for the cluster, and then for the changed one.
  private struct Outcome {
    var firstTime = Samples()
    var secondTime = Samples()
    var stored = 0
    var added = 0
  }

  private func compareImports(_ before: String, _ after: String) throws {
    var ours = Outcome()
    var borg = Outcome()
    var restic = Outcome()
    var again = Samples()
    for _ in 0..<3 {
      try runBorg(before, after, &borg)
      try runCoppice(before, after, &ours, again: &again)
      try runRestic(before, after, &restic)
    }
    let logical = Self.logicalByteCount(before)
    let time = ours.firstTime.median
    report(
      "import of \(megabytes(logical)) of a PostgreSQL cluster, time against borg (zstd,1)",
      "coppice \(format(time, 2)) s, borg \(format(borg.firstTime.median, 2)) s",
      ratio: borg.firstTime.median / time, goal: .atLeast(2))
    report(
      "import, time against restic",
      "coppice \(format(time, 2)) s, restic \(format(restic.firstTime.median, 2)) s",
      ratio: restic.firstTime.median / time, goal: .atLeast(4))
    report(
      "import, stored bytes",
      "coppice \(megabytes(ours.stored)), borg \(megabytes(borg.stored)), "
        + "restic \(megabytes(restic.stored))",
      ratio: Double(ours.stored) / Double(borg.stored), goal: .atMost(1.15))
    let rate = Double(logical) / 1e9 / again.median
    report(
      "import of the unchanged cluster again", "\(format(rate, 2)) GB/s", ratio: rate,
      goal: .atLeast(1))
    report(
      "import of the changed cluster, time",
      "coppice \(format(ours.secondTime.median, 2)) s, "
        + "borg \(format(borg.secondTime.median, 2)) s, "
        + "restic \(format(restic.secondTime.median, 2)) s")
    for (name, peer) in [("borg", borg), ("restic", restic)] {
      report(
        "growth by the changed cluster with its WAL, against \(name)",
        "coppice \(megabytes(ours.added)), \(name) \(megabytes(peer.added))",
        ratio: Double(ours.added) / Double(peer.added), goal: .atMost(1 / 8))
    }
  }

  private func runCoppice(
    _ before: String, _ after: String, _ outcome: inout Outcome, again: inout Samples
  ) throws {
    let directory = workspace.fresh("import-coppice")
    outcome.firstTime.add(
      try measure {
        let store = try Store.create(at: directory)
        _ = try store.importFiles(from: .path(before), into: "main")
        try store.close()
      })
    outcome.stored = Workspace.storedByteCount(directory)
    var replacing = ImportOptions()
    replacing.isReplacing = true
    again.add(
      try measure {
        let store = try Store.open(at: directory)
        _ = try store.importFiles(from: .path(before), into: "main", options: replacing)
        try store.close()
      })
    let old = Workspace.storedByteCount(directory)
    outcome.secondTime.add(
      try measure {
        let store = try Store.open(at: directory)
        try store.createBranch("changed", from: "main")
        _ = try store.importFiles(from: .path(after), into: "changed", options: replacing)
        try store.close()
      })
    outcome.added = Workspace.storedByteCount(directory) - old
  }

  private func runBorg(_ before: String, _ after: String, _ outcome: inout Outcome) throws {
    let repository = workspace.fresh("import-borg")
    let environment = [
      "BORG_BASE_DIR": workspace.fresh("borg-home"),
      "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
      "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    ]
    try Workspace.run(["borg", "init", "-e", "none", repository], environment: environment)
    func create(_ name: String, _ directory: String) throws {
      try Workspace.run(
        ["borg", "create", "--compression", "zstd,1", "\(repository)::\(name)", directory],
        environment: environment)
    }
    outcome.firstTime.add(try measure { try create("before", before) })
    outcome.stored = Workspace.storedByteCount(repository)
    outcome.secondTime.add(try measure { try create("after", after) })
    outcome.added = Workspace.storedByteCount(repository) - outcome.stored
  }

  private func runRestic(_ before: String, _ after: String, _ outcome: inout Outcome) throws {
    let repository = workspace.fresh("import-restic")
    let environment = [
      "RESTIC_PASSWORD": "benchmark", "RESTIC_REPOSITORY": repository,
      "RESTIC_CACHE_DIR": workspace.fresh("restic-cache"),
    ]
    try Workspace.run(["restic", "init"], environment: environment)
    outcome.firstTime.add(
      try measure { try Workspace.run(["restic", "backup", before], environment: environment) })
    outcome.stored = Workspace.storedByteCount(repository)
    outcome.secondTime.add(
      try measure { try Workspace.run(["restic", "backup", after], environment: environment) })
    outcome.added = Workspace.storedByteCount(repository) - outcome.stored
  }

  // MARK: Divergence

  private func measureDivergence(_ before: String, _ after: String) throws {
    let changed = try Self.changedUnitCount(before, after, byteCount: PageContent.byteCount)
    let directory = workspace.fresh("divergence")
    let store = try Store.create(at: directory)
    _ = try store.importFiles(from: .path(before), into: "main")
    let old = try Self.segmentByteCount(directory)
    try store.createBranch("changed", from: "main")
    var replacing = ImportOptions()
    replacing.isReplacing = true
    _ = try store.importFiles(from: .path(after), into: "changed", options: replacing)
    try store.close()
    let added = try Self.segmentByteCount(directory) - old
    let raw = changed * PageContent.byteCount
    report(
      "divergence of table and index files",
      "\(changed) changed pages (\(megabytes(raw))) stored in \(megabytes(added)), "
        + "\(format(Double(added) / Double(changed), 0)) B a page, "
        + "1/\(format(Double(raw) / Double(added), 0))",
      ratio: Double(added) / Double(raw), goal: .atMost(1 / 40))
  }

  // MARK: VACUUM

  private func compareVacuum(_ before: String, _ after: String) throws {
    var ours = Outcome()
    var borg = Outcome()
    var restic = Outcome()
    var again = Samples()
    try runBorg(before, after, &borg)
    try runCoppice(before, after, &ours, again: &again)
    try runRestic(before, after, &restic)
    // What a file system that copies on write stores anew.
    let extents = try Self.changedUnitCount(before, after, byteCount: 4096) * 4096
    report(
      "growth of table and index files by VACUUM",
      "coppice \(megabytes(ours.added)), borg \(megabytes(borg.added)), "
        + "restic \(megabytes(restic.added)), extents of 4 KiB \(megabytes(extents))",
      ratio: Double(ours.added) / Double(min(borg.added, restic.added, extents)),
      goal: .atMost(1 / 3))
  }

  /// Bytes of segments exactly, as frames, directories, nodes and names take them.
  private static func segmentByteCount(_ store: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "\(store)/segments").reduce(0) {
      sum, name in
      var status = stat()
      lstat("\(store)/segments/\(name)", &status)
      return sum + Int(status.st_size)
    }
  }

  private static func files(_ directory: String) -> [String] {
    var found: [String] = []
    let names = FileManager.default.enumerator(atPath: directory)
    while let name = names?.nextObject() as? String {
      var status = stat()
      if lstat("\(directory)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG {
        found.append(name)
      }
    }
    return found
  }

  private static func logicalByteCount(_ directory: String) -> Int {
    files(directory).reduce(0) { sum, name in
      var status = stat()
      lstat("\(directory)/\(name)", &status)
      return sum + Int(status.st_size)
    }
  }

  /// Units of that many bytes of the second directory's files that the first's do not have at the
  /// same place.
  private static func changedUnitCount(
    _ before: String, _ after: String, byteCount: Int
  ) throws -> Int {
    var count = 0
    for name in files(after) {
      let new = try Data(contentsOf: URL(fileURLWithPath: "\(after)/\(name)"))
      let path = "\(before)/\(name)"
      let old = FileManager.default.contents(atPath: path) ?? Data()
      new.withUnsafeBytes { new in
        old.withUnsafeBytes { old in
          for start in stride(from: 0, to: new.count, by: byteCount) {
            let end = min(start + byteCount, new.count)
            let isEqual =
              old.count >= end
              && new[start..<end].elementsEqual(old[start..<end])
            if !isEqual { count += 1 }
          }
        }
      }
    }
    return count
  }
}
