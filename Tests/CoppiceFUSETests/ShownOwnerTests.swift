import CFileCalls
import Coppice
import Glibc
import TestSupport
import Testing

/// The files of a branch's owner under other numbers. Needs root, to act as several users.
@Suite(
  .enabled(if: MountRequirement.isMet && geteuid() == 0, MountRequirement.comment), .serialized)
struct ShownOwnerTests {
  private static let stored: UInt32 = 4_711
  private static let shown: UInt32 = 271_828
  private static let stranger: UInt32 = 271_829

  private func owner(_ path: String) -> [UInt32] {
    var status = stat()
    return lstat(path, &status) == 0 ? [status.st_uid, status.st_gid] : []
  }

  /// A file of the stored owner that nobody else may read.
  private func prepare(_ mounted: MountedStore) throws {
    let fs = FileCalls(mounted(""))
    fs.mkdir("data", 0o700)
    fs.make("data/file", "secret")
    chmod(mounted("data/file"), 0o600)
    for path in ["data", "data/file"] { chown(mounted(path), Self.stored, Self.stored) }
  }

  /// Runs `body` in the name of a user.
  private func acting<Result>(as user: UInt32, _ body: () -> Result) -> Result {
    #expect(filecalls_act_as(user, user) == 0)
    defer { #expect(filecalls_act_as_root() == 0) }
    return body()
  }

  @Test(arguments: MountMode.all)
  func `files of the stored owner are another's in the mount, and stay his in the branch`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    try prepare(mounted)
    try mounted.tell("show main \(Self.stored) \(Self.shown)")
    #expect(owner(mounted("data/file")) == [Self.shown, Self.shown])
    // The machine's user of the stored number has nothing to do with it.
    for user in [Self.stored, Self.stranger] {
      #expect(acting(as: user) { open(mounted("data/file"), O_RDONLY) } == -1)
    }
    acting(as: Self.shown) {
      let fs = FileCalls(mounted(""))
      fs.make("data/new", "by the instance")
      fs.mkdir("data/directory")
      fs.symlink("new", "data/link")
    }
    for name in ["new", "directory", "link"] {
      #expect(owner(mounted("data/\(name)")) == [Self.shown, Self.shown], "\(name)")
    }
    // What root makes stays root's, and what it gives to the shown owner is the stored one's.
    FileCalls(mounted("")).make("data/given")
    #expect(owner(mounted("data/given")) == [0, 0])
    chown(mounted("data/given"), Self.shown, Self.shown)
    #expect(owner(mounted("data/given")) == [Self.shown, Self.shown])
    try mounted.stop()
    try mounted.withStore { store in
      let branch = try store.branch("main")
      for name in ["file", "new", "directory", "link", "given"] {
        let attributes = try branch.attributes(of: branch.lookup(BranchPath("data/\(name)")))
        #expect(
          [attributes.userID, attributes.groupID] == [Self.stored, Self.stored], "\(name)")
      }
    }
  }

  @Test func `a fork, and the branch by another mount, have the stored owner`() throws {
    let mounted = try MountedStore()
    try prepare(mounted)
    try mounted.tell("show main \(Self.stored) \(Self.shown)")
    try mounted.tell("create fork main")
    #expect(owner("\(mounted.directory)/fork/data/file") == [Self.stored, Self.stored])
    try mounted.stop()
    try mounted.start()
    #expect(owner(mounted("data/file")) == [Self.stored, Self.stored])
    try mounted.stop()
  }

  @Test func `what is open when an owner is shown otherwise goes stale, and a reset keeps it`()
    throws
  {
    let mounted = try MountedStore()
    try prepare(mounted)
    try mounted.tell("create old main")
    let file = open(mounted("data/file"), O_RDONLY)
    defer { close(file) }
    try mounted.tell("show main \(Self.stored) \(Self.shown)")
    #expect(fchmod(file, 0o640) == -1 && errno == ESTALE)
    // The same once more is no change.
    let again = open(mounted("data/file"), O_RDONLY)
    defer { close(again) }
    try mounted.tell("show main \(Self.stored) \(Self.shown)")
    #expect(fchmod(again, 0o640) == 0)
    try mounted.tell("reset! main old")
    #expect(owner(mounted("data/file")) == [Self.shown, Self.shown])
    try mounted.stop()
  }

  @Test func `a set-group-ID bit stays for a member of the shown group`() throws {
    let mounted = try MountedStore()
    try prepare(mounted)
    try mounted.tell("show main \(Self.stored) \(Self.shown)")
    acting(as: Self.shown) { _ = chmod(mounted("data/file"), 0o2600) }
    #expect(filecalls_mode(mounted("data/file")) & 0o7777 == 0o2600)
    acting(as: Self.shown) { FileCalls(mounted("")).make("data/file", "changed") }
    #expect(filecalls_mode(mounted("data/file")) & 0o7777 == 0o2600)
    try mounted.stop()
  }
}
