internal import Coppice
internal import CoppiceFUSE
internal import Foundation

/// PostgreSQL and plain files on a mount, against ext4, XFS and btrfs, measured in turn.
struct MountBenchmark {
  let workspace: Workspace

  private static let scale = 15
  private static let roundCount = 3

  func run() throws {
    guard getuid() == 0 else { return report("mount", "left out: it needs root") }
    let sockets = workspace.fresh("sockets")
    try FileManager.default.createDirectory(atPath: sockets, withIntermediateDirectories: true)
    try Workspace.run(["chmod", "777", sockets])
    for usesWritebackCache in [false, true] {
      try withMount(usesWritebackCache) { store, directory in
        try compareServers(directory, sockets, usesWritebackCache)
        try compareFiles(directory, usesWritebackCache)
        if !usesWritebackCache { try compareFirstQueries(store, directory, sockets) }
      }
    }
  }

  private func withMount(
    _ usesWritebackCache: Bool, _ body: (Store, String) throws -> Void
  ) throws {
    let directory = workspace.fresh("mount")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let store = try Store.create(at: workspace.fresh("mounted-store"))
    try store.createBranch("main")
    var options = Mount.Options()
    options.usesWritebackCache = usesWritebackCache
    options.log = { print("mount: \($0)") }
    let mount = try Mount(store, at: directory, options: options)
    let outcome = Result { try body(store, directory) }
    try mount.stop()
    try store.close()
    try outcome.get()
  }

  private func label(_ usesWritebackCache: Bool) -> String {
    usesWritebackCache ? "mount with writeback cache" : "mount"
  }

  // MARK: Servers

  private func compareServers(
    _ directory: String, _ sockets: String, _ usesWritebackCache: Bool
  ) throws {
    try withImage("btrfs", ["mkfs.btrfs", "-q"]) { btrfs in
      let ours = BenchmarkServer(data: "\(directory)/main/data", sockets: sockets, port: 54_351)
      let native = BenchmarkServer(
        data: workspace.fresh("native"), sockets: sockets, port: 54_352)
      try Workspace.run(["btrfs", "-q", "subvolume", "create", "\(btrfs)/main"])
      let source = BenchmarkServer(data: "\(btrfs)/main/data", sockets: sockets, port: 54_353)
      let snapshot = BenchmarkServer(data: "\(btrfs)/fork/data", sockets: sockets, port: 54_353)
      defer { for server in [ours, native, snapshot] { try? server.stop("immediate") } }
      try ours.make(scale: Self.scale, hasWholePages: !usesWritebackCache)
      try native.make(scale: Self.scale, hasWholePages: false)
      try source.make(scale: Self.scale, hasWholePages: false)
      try source.stop()
      try Workspace.run(
        ["btrfs", "-q", "subvolume", "snapshot", "\(btrfs)/main", "\(btrfs)/fork"])
      try snapshot.start()
      let name = label(usesWritebackCache)
      for readsOnly in [false, true] {
        var rates = [Samples(), Samples(), Samples()]
        for _ in 0..<Self.roundCount {
          for (index, server) in [ours, native, snapshot].enumerated() {
            rates[index].add(try server.transactionRate(seconds: 5, readsOnly: readsOnly))
          }
        }
        let what = readsOnly ? "selects" : "tpcb"
        let (mounted, plain, btrfs) = (rates[0].median, rates[1].median, rates[2].median)
        report(
          "pgbench \(what), four clients, \(name) against ext4",
          "\(format(mounted, 0)) and \(format(plain, 0)) a second", ratio: mounted / plain,
          goal: .atLeast(readsOnly ? 0.95 : 0.85))
        report(
          "pgbench \(what), four clients, \(name) against a btrfs snapshot",
          "\(format(mounted, 0)) and \(format(btrfs, 0)) a second", ratio: mounted / btrfs,
          goal: readsOnly ? nil : .atLeast(2))
      }
      for server in [ours, native, snapshot] { try server.stop() }
    }
  }

  // MARK: Files

  private func compareFiles(_ directory: String, _ usesWritebackCache: Bool) throws {
    let name = label(usesWritebackCache)
    let native = workspace.fresh("files")
    try FileManager.default.createDirectory(atPath: native, withIntermediateDirectories: true)
    let places = ["\(directory)/main", native]
    var times: [String: [Samples]] = [:]
    for _ in 0..<3 {
      for (index, place) in places.enumerated() {
        func note(_ what: String, _ body: () throws -> Void) rethrows {
          times[what, default: [Samples(), Samples()]][index].add(try measure(body))
        }
        let file = "\(place)/large"
        try note("write of 1 GiB with fsync") {
          try Workspace.run(
            ["dd", "if=/dev/urandom", "of=\(file)", "bs=1M", "count=1024", "conv=fsync"])
        }
        Workspace.dropCaches()
        try note("read of 1 GiB") {
          try Workspace.run(["dd", "if=\(file)", "of=/dev/null", "bs=1M"])
        }
        try FileManager.default.removeItem(atPath: file)
        note("creation of 10,000 small files") { Self.createFiles(place) }
        note("removal of 10,000 small files") { Self.removeFiles(place) }
      }
    }
    for (what, samples) in times.sorted(by: { $0.key < $1.key }) {
      let (ours, plain) = (samples[0].median, samples[1].median)
      report(
        "\(what), \(name) against ext4", "\(format(ours, 2)) s and \(format(plain, 2)) s",
        ratio: ours / plain)
    }
  }

  private static func createFiles(_ place: String) {
    for number in 0..<10_000 {
      let file = open("\(place)/small\(number)", O_WRONLY | O_CREAT, 0o644)
      _ = write(file, "small\n", 6)
      close(file)
    }
  }

  private static func removeFiles(_ place: String) {
    for number in 0..<10_000 { unlink("\(place)/small\(number)") }
  }

  // MARK: First queries

  /// From the command to the first answer of a server on a fork of a stopped one, and what is stored
  /// then.
  private func compareFirstQueries(
    _ store: Store, _ directory: String, _ sockets: String
  ) throws {
    try firstQueries("coppice branch", "\(directory)/main", sockets) { number in
      try store.createBranch("fork\(number)", from: "main")
      return "\(directory)/fork\(number)"
    } storedByteCount: {
      // What is not sealed yet counts as its pages in memory, uncompressed: no more will be stored.
      let now = try store.statistics()
      return Int(now.storedByteCount) + now.overlayByteCount
    }
    try withImage("btrfs", ["mkfs.btrfs", "-q"]) { btrfs in
      try Workspace.run(["btrfs", "-q", "subvolume", "create", "\(btrfs)/main"])
      try copyData("\(directory)/main", "\(btrfs)/main")
      try firstQueries("btrfs snapshot", "\(btrfs)/main", sockets) { number in
        try Workspace.run(
          ["btrfs", "-q", "subvolume", "snapshot", "\(btrfs)/main", "\(btrfs)/fork\(number)"])
        return "\(btrfs)/fork\(number)"
      } storedByteCount: {
        try usedByteCount(btrfs)
      }
    }
    try withImage("xfs", ["mkfs.xfs", "-q", "-m", "reflink=1"]) { xfs in
      try Workspace.run(["mkdir", "\(xfs)/main"])
      try copyData("\(directory)/main", "\(xfs)/main")
      try firstQueries("cp -a --reflink on XFS", "\(xfs)/main", sockets) { number in
        try Workspace.run(["cp", "-a", "--reflink=always", "\(xfs)/main", "\(xfs)/fork\(number)"])
        return "\(xfs)/fork\(number)"
      } storedByteCount: {
        try usedByteCount(xfs)
      }
    }
  }

  private func copyData(_ source: String, _ target: String) throws {
    try Workspace.run(["cp", "-a", "\(source)/data", "\(target)/data"])
  }

  private func usedByteCount(_ directory: String) throws -> Int {
    try Workspace.run(["sync", "-f", directory])
    let text = try Workspace.output(of: ["df", "-B1", "--output=used", directory])
    return text.split(separator: "\n").last.flatMap { Int($0.trimmingCharacters(in: .whitespaces)) }
      ?? 0
  }

  private func firstQueries(
    _ name: String, _ main: String, _ sockets: String, fork: (Int) throws -> String,
    storedByteCount: () throws -> Int
  ) throws {
    var times = Samples()
    var stored = Samples()
    for number in 0..<Self.roundCount {
      let before = try storedByteCount()
      var server: BenchmarkServer?
      times.add(
        try measure {
          let made = BenchmarkServer(
            data: "\(try fork(number))/data", sockets: sockets, port: 54_354)
          server = made
          try made.start()
          try made.query("SELECT count(*) FROM pgbench_branches")
        })
      stored.add(Double(try storedByteCount() - before))
      try server?.stop()
    }
    report(
      "from \(name) to the first query",
      "\(format(times.median * 1000, 0)) ms, then at most \(format(stored.median / 1e6, 2)) MB stored"
    )
  }

  // MARK: Peers

  /// Another file system on a loop device.
  private func withImage(
    _ name: String, _ make: [String], _ body: (String) throws -> Void
  ) throws {
    let image = workspace.fresh("\(name).image")
    let directory = workspace.fresh(name)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try Workspace.run(["truncate", "-s", "6G", image])
    try Workspace.run(make + [image])
    try Workspace.run(["mount", "-o", "loop", image, directory])
    let outcome = Result { try body(directory) }
    try Workspace.run(["umount", directory])
    try FileManager.default.removeItem(atPath: image)
    try outcome.get()
  }
}
