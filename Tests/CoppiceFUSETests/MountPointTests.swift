import Coppice
import Glibc
import TestSupport
import Testing

/// Where a store can be mounted, and what is said where it cannot.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct MountPointTests {
  @Test(arguments: MountMode.all)
  func `a killed server loses nothing that was synced, and its mount is detached`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    var random = SplitMix64(seed: 20)
    var synced: [String: String] = [:]
    for round in 0..<6 {
      for number in 0..<(1 + random.below(20)) {
        let name = "f\(round)-\(number)"
        let text = String(repeating: "\(round) \(number) ", count: 1 + random.below(5000))
        let file = open(mounted(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(write(file, text, text.utf8.count) == text.utf8.count)
        if random.bool() {
          #expect(fsync(file) == 0)
          synced[name] = text
        }
        close(file)
      }
      mounted.kill()
      let failure = access(mounted("f0-0"), F_OK) == -1 ? errno : 0
      #expect([ENOTCONN, ECONNABORTED, ECANCELED].contains(failure))
      try mounted.start()
      #expect(mounted.log.contains { $0.contains("detaching a mount whose server is gone") })
      for (name, text) in synced {
        #expect(try TemporaryFolder.bytes(of: mounted(name)) == Array(text.utf8), "\(name)")
      }
    }
    try mounted.stop()
  }

  private func failure(
    _ store: String, _ directory: String, by words: [String] = []
  ) throws -> String {
    let command = words + [MountedStore.driver, store, directory]
    let result = try Program(command[0]).run(Array(command[1...]))
    #expect(result.status == 1)
    return result.text
  }

  @Test func `a directory that does not serve is refused with a reason`() throws {
    let folder = try TemporaryFolder()
    let store = folder("store")
    try Store.create(at: store).close()
    #expect(try failure(store, folder("none")).contains("error notFound"))
    try folder.write("file", [1])
    #expect(try failure(store, folder("file")).contains("not a directory"))
    mkdir(folder("full"), 0o755)
    try folder.write("full/file", [1])
    #expect(try failure(store, folder("full")).contains("not empty"))
    mkdir("\(store)/inside", 0o755)
    #expect(try failure(store, "\(store)/inside").contains("inside itself"))
    #expect(try failure(store, folder.path).contains("would hide it"))

    mkdir(folder("taken"), 0o755)
    try Program("mount").check(["-t", "tmpfs", "none", folder("taken")])
    defer { _ = try? Program("umount").run([folder("taken")]) }
    #expect(try failure(store, folder("taken")).contains("mounted there already"))
  }

  @Test func `a machine that does not let it mount is told what to allow`() throws {
    let folder = try TemporaryFolder()
    chmod(folder.path, 0o755)
    let store = folder("store")
    try Store.create(at: store).close()
    mkdir(folder("mount"), 0o777)
    let withoutDevice = [
      "unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev; exec \"$@\"", "sh",
    ]
    let missing = try failure(store, folder("mount"), by: withoutDevice)
    #expect(missing.contains("error unavailable") && missing.contains("no FUSE device"))
    #expect(missing.contains("--device /dev/fuse"), "\(missing)")

    try Program("chown").check(["-R", "12345:12345", store])
    let denied = try failure(
      store, folder("mount"),
      by: ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "env", "PATH=/nowhere"])
    #expect(denied.contains("error denied") && denied.contains("apt install fuse3"), "\(denied)")
  }

  @Test func `a user without privileges mounts by fusermount3 and owns what is made`() throws {
    let device = try FuseDevice.forAll()
    defer { device.restore() }
    let folder = try TemporaryFolder()
    chmod(folder.path, 0o755)
    mkdir(folder("home"), 0o755)
    mkdir(folder("home/mount"), 0o755)
    // nobody: fusermount3 serves users of /etc/passwd only.
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"]
    try Program("chown").check(["-R", "65534:65534", folder("home")])
    try Program("cp").check([MountedStore.driver, folder("driver")])
    // The driver ends, and unmounts, when its input ends.
    let script = """
      (
        for try in $(seq 200); do [ -e mount/main ] && break; sleep 0.05; done
        echo text > mount/main/file
      ) | "$0" store "$PWD/mount"
      """
    let result = try Program("setpriv").run(
      user + ["sh", "-c", "cd '\(folder("home"))'\n\(script)", folder("driver")])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.hasSuffix("stopped\n"), "\(result.text)")
    try Program("chown").check(["-R", "0:0", folder("home")])
    let store = try Store.open(at: folder("home/store"))
    let main = try store.branch("main")
    for path in ["/", "/file"] {
      let attributes = try main.attributes(of: main.lookup(BranchPath(path)))
      #expect(attributes.userID == 65534 && attributes.groupID == 65534, "\(path)")
    }
    #expect(try main.read(main.lookup("/file"), byteCount: 9) == Array("text\n".utf8))
    try store.close()
  }

  @Test(arguments: MountMode.all.filter { $0 != .writeback })
  func `unmounting by someone else ends the mount, a used one is stopped all the same`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let file = open(mounted("f"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    #expect(write(file, "text", 4) == 4)
    try mounted.stop()
    #expect(mounted.log.contains { $0.contains("is in use (1 open files)") })
    #expect(pwrite(file, "x", 1, 0) == -1)
    close(file)
    try mounted.withStore { store in
      let branch = try store.branch("main")
      #expect(try branch.read(branch.lookup("/f"), byteCount: 9) == Array("text".utf8))
    }
    try mounted.start()
    try Program("umount").check([mounted.directory])
    try mounted.stop()
  }
}

/// The kernel's device, open to all users meanwhile.
private struct FuseDevice {
  private static let path = "/dev/fuse"
  let mode: mode_t

  static func forAll() throws -> FuseDevice {
    var status = stat()
    guard stat(path, &status) == 0, chmod(path, 0o666) == 0 else {
      throw Program.Failure(description: "cannot open \(path) to all: errno \(errno)")
    }
    return FuseDevice(mode: status.st_mode & 0o777)
  }

  func restore() { chmod(Self.path, mode) }
}
