import Glibc
import TestSupport
import Testing

/// A disk whose power can be cut: a file in which everything lies that reached the disk.
private final class CutDisk {
  let folder: TemporaryFolder
  let directory: String
  private var image: String { folder("image") }

  init() throws {
    folder = try TemporaryFolder()
    directory = folder("disk")
    let command = "truncate -s 1G image; mkfs.ext4 -q image; mkdir disk cut"
    try Program("sh").check(["-ec", command], in: folder.path)
    // The file system writes nothing by itself meanwhile.
    try Program("mount").check(["-o", "loop,commit=300", image, directory])
  }

  deinit {
    _ = try? Program("umount").run(["-l", directory])
    _ = try? Program("umount").run(["-l", folder("cut")])
  }

  /// Keeps what a power cut would leave now.
  func cut() throws {
    try Program("cp").check(["--sparse=always", image, folder("image-cut")])
  }

  /// Shows what the last cut left.
  func showCut() throws -> String {
    try Program("mount").check(["-o", "loop", folder("image-cut"), folder("cut")])
    return folder("cut")
  }

  func hideCut() throws { try Program("umount").check([folder("cut")]) }
}

/// The kernel passes syncfs to no such mount, so a server that relies on it has synced nothing.
@Suite(
  .enabled(if: MountRequirement.isMet, MountRequirement.comment),
  .enabled(
    if: PostgreSQLServer.isInstalled || getenv("CI") != nil, "needs PostgreSQL 15"),
  .serialized)
struct SkippedSyncTests {
  @Test func `power cuts around a recovery that skipped its own syncing lose no commit`() throws {
    let disk = try CutDisk()
    let mounted = try MountedStore(at: "\(disk.directory)/store")
    let sockets = mounted.folder("sockets")
    mkdir(sockets, 0o777)
    chmod(sockets, 0o777)
    let server = PostgreSQLServer(mounted("data"), sockets: sockets, port: 54_340)
    try server.make()
    try server.start()
    try server.makeBank()
    var random = SplitMix64(seed: 6)
    for round in 0..<4 {
      try server.move(40)
      let count = try server.movementCount()
      let clients = try server.startClients()
      // As far as they come while another program runs.
      try Program("sh").check(["-c", "seq \(random.below(300_000)) | sort > /dev/null"])
      server.kill()
      _ = try clients.wait()
      let starting = try server.beginStarting()
      if round > 0 {
        try Program("sh").check(["-c", "seq \(random.below(60_000)) | sort > /dev/null"])
      }
      try mounted.whilePaused { try disk.cut() }
      try server.finish(starting)
      #expect(try server.sums().count == 1, "round \(round)")
      try checkCut(disk, sockets: sockets, countMin: count)
    }
    try server.stop()
    try mounted.stop()
  }

  private func checkCut(_ disk: CutDisk, sockets: String, countMin: Int) throws {
    let left = try MountedStore(at: disk.showCut() + "/store")
    let server = PostgreSQLServer(left("data"), sockets: sockets, port: 54_341)
    try server.start()
    #expect(try server.sums().count == 1)
    #expect(try server.movementCount() >= countMin)
    try server.checkAll()
    try server.stop()
    try left.stop()
    try disk.hideCut()
  }
}
