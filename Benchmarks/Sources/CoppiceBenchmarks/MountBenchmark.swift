internal import Coppice
internal import CoppiceFUSE
internal import Foundation

/// PostgreSQL and plain files on a mount, against ext4, XFS and btrfs, measured in turn.
struct MountBenchmark {
  let workspace: Workspace

  private static let scale = 15
  private static let roundCount = 3

  /// How the store is mounted.
  private enum Mode: String, CaseIterable {
    case plain = "mount"
    case device = "mount without rings"
    case writebackCache = "mount with writeback cache"
  }

  func run() throws {
    guard getuid() == 0 else { return report("mount", "left out: it needs root") }
    let sockets = workspace.fresh("sockets")
    try FileManager.default.createDirectory(atPath: sockets, withIntermediateDirectories: true)
    try Workspace.run(["chmod", "777", sockets])
    for mode in Mode.allCases {
      try withMount(mode) { store, directory in
        try compareServers(directory, sockets, mode)
        try compareFiles(directory, mode)
        if mode == .plain { try compareFirstQueries(store, directory, sockets) }
      }
    }
  }

  private func withMount(_ mode: Mode, _ body: (Store, String) throws -> Void) throws {
    let directory = workspace.fresh("mount")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let store = try Store.create(at: workspace.fresh("mounted-store"))
    try store.createBranch("main")
    var options = Mount.Options()
    options.usesWritebackCache = mode == .writebackCache
    options.wantsRings = mode != .device
    options.log = { print("mount: \($0)") }
    let mount = try Mount(store, at: directory, options: options)
    if mode == .plain, !mount.usesRings { report(mode.rawValue, "without rings") }
    let outcome = Result { try body(store, directory) }
    try mount.stop()
    try store.close()
    try outcome.get()
  }

  // MARK: Servers

  private func compareServers(_ directory: String, _ sockets: String, _ mode: Mode) throws {
    try withImage("btrfs", ["mkfs.btrfs", "-q"]) { btrfs in
      let ours = BenchmarkServer(data: "\(directory)/main/data", sockets: sockets, port: 54_351)
      let native = BenchmarkServer(
        data: workspace.fresh("native"), sockets: sockets, port: 54_352)
      try Workspace.run(["btrfs", "-q", "subvolume", "create", "\(btrfs)/main"])
      let source = BenchmarkServer(data: "\(btrfs)/main/data", sockets: sockets, port: 54_353)
      let snapshot = BenchmarkServer(data: "\(btrfs)/fork/data", sockets: sockets, port: 54_353)
      let servers = [ours, native, snapshot]
      defer { for server in servers { try? server.stop("immediate") } }
      try ours.make(scale: Self.scale)
      try native.make(scale: Self.scale)
      try source.make(scale: Self.scale)
      try source.stop()
      try Workspace.run(
        ["btrfs", "-q", "subvolume", "snapshot", "\(btrfs)/main", "\(btrfs)/fork"])
      try snapshot.start()
      try compareRates("selects", servers, mode, readsOnly: true, ext4: .atLeast(0.95))
      try compareRates(
        "tpcb", servers, mode, readsOnly: false, ext4: .atLeast(0.85), btrfs: .atLeast(2))
      try compareRates("selects that write what tpcb left", servers, mode, readsOnly: true)
      for server in servers { try server.stop() }
    }
  }

  /// - Parameter servers: on the mount, on ext4 and on a btrfs snapshot.
  private func compareRates(
    _ what: String, _ servers: [BenchmarkServer], _ mode: Mode, readsOnly: Bool,
    ext4: Goal? = nil, btrfs: Goal? = nil
  ) throws {
    var rates = servers.map { _ in Samples() }
    for _ in 0..<Self.roundCount {
      for (index, server) in servers.enumerated() {
        rates[index].add(try server.transactionRate(seconds: 5, readsOnly: readsOnly))
      }
    }
    let mounted = rates[0].median
    for (peer, index, goal) in [("ext4", 1, ext4), ("a btrfs snapshot", 2, btrfs)] {
      let other = rates[index].median
      report(
        "pgbench \(what), four clients, \(mode.rawValue) against \(peer)",
        "\(format(mounted, 0)) and \(format(other, 0)) a second", ratio: mounted / other,
        goal: goal)
    }
  }

  // MARK: Files

  private func compareFiles(_ directory: String, _ mode: Mode) throws {
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
        "\(what), \(mode.rawValue) against ext4", "\(format(ours, 2)) s and \(format(plain, 2)) s",
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

  /// From the command to the first answer of a server on a fork of a stopped one, and what is
  /// stored then.
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
      "\(format(times.median * 1000, 0)) ms, then at most "
        + "\(format(stored.median / 1e6, 2)) MB stored")
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
