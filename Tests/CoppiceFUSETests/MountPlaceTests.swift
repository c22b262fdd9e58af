import Coppice
import Glibc
import TestSupport
import Testing

/// Mounts that are shown in more places than one, and what uses a store beside its mount.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct MountPlaceTests {
  private static let modes = MountMode.all.filter { $0 != .writeback }

  private func write(_ text: String, _ file: Int32) {
    #expect(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
  }

  @Test(arguments: modes)
  func `a mount that a bind mount shows too is stopped all the same`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    let bound = mounted.folder("bound")
    mkdir(bound, 0o755)
    try Program("mount").check(["--bind", mounted("."), bound])
    defer { _ = try? Program("umount").run(["-l", bound]) }
    let file = open("\(bound)/f", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    write("text", file)
    close(file)
    try mounted.stop()
    #expect(mounted.log.contains { $0.contains("shown elsewhere too") })
    #expect(access("\(bound)/f", F_OK) == -1)
    try mounted.withStore { store in
      let branch = try store.branch("main")
      #expect(try branch.read(branch.lookup("/f"), byteCount: 9) == Array("text".utf8))
    }
  }

  /// A process in a mount namespace of its own, which says when it is there, and runs a script.
  private func startElsewhere(_ mounted: MountedStore, _ script: String) throws -> Program.Running {
    let pipe = mounted.folder("there")
    guard mkfifo(pipe, 0o600) == 0 else { throw Program.Failure(description: "no pipe") }
    let running = try Program("unshare").start([
      "--mount", "--propagation", "private", "sh", "-c", "\(script)", "sh", pipe,
    ])
    _ = try TemporaryFolder.bytes(of: pipe)
    return running
  }

  @Test(arguments: modes)
  func `a mount ends with its unmounting, though another namespace shows it`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let other = try startElsewhere(mounted, "echo there > \"$1\"; exec sleep 1000")
    try Program("umount").check([mounted.directory])
    try mounted.tell("wait")
    #expect(mounted.log.contains { $0.contains("which only other mount namespaces show") })
    other.send(signal: SIGKILL)
    _ = try? other.wait()
    try mounted.stop()
  }

  @Test(arguments: modes)
  func `a mount is served until what another namespace has open is closed`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let go = mounted.folder("go")
    mkfifo(go, 0o600)
    let other = try startElsewhere(
      mounted,
      "exec 5> '\(mounted("f"))'; echo there > \"$1\"; read x < '\(go)'; echo served >&5")
    try Program("umount").check([mounted.directory])
    let pipe = open(go, O_WRONLY | O_CLOEXEC)
    write("go\n", pipe)
    close(pipe)
    #expect(try other.wait().status == 0)
    try mounted.tell("wait")
    try mounted.stop()
    try mounted.withStore { store in
      let branch = try store.branch("main")
      #expect(try branch.read(branch.lookup("/f"), byteCount: 9) == Array("served\n".utf8))
    }
  }

  @Test func `a store has one mount at a time`() throws {
    let mounted = try MountedStore()
    mkdir(mounted.folder("second"), 0o755)
    let refusal = try mounted.ask("mount \(mounted.folder("second"))")
    #expect(refusal.hasPrefix("error inUse") && refusal.contains("mount --bind"), "\(refusal)")
    try Program("umount").check([mounted.directory])
    #expect(try mounted.ask("mount \(mounted.folder("second"))") == "done")
    try mounted.stop()
  }

  @Test(arguments: modes)
  func `what is appended goes behind what another door has made of the file`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let file = open(mounted("f"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(file) }
    write("aaaa\n", file)
    for text in ["something-longer", "short"] {
      try mounted.tell("put main /f \(text)")
      write("bb\n", file)
      write("cc\n", file)
      let found = try mounted.ask("cat main /f")
      #expect(found == "\(text)bb|cc|")
    }
  }
}
