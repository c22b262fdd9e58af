internal import CoppiceErrors
internal import CoppicePlatform

/// The root directory of an instance with full isolation: of the machine's files the programs and
/// what they need, of the store its branch.
struct InstanceRoot {
  /// Parts of the system that are links into /usr on most machines and directories on others.
  private static let systemDirectories = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
  /// Settings of the machine that its libraries and PostgreSQL read. None holds a secret.
  private static let settingsFiles = [
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/localtime", "/etc/timezone", "/var/cache/postgresql",
  ]
  private static let devices = ["null", "zero", "full", "random", "urandom"]
  private static let temporaryByteCountMax = 64 << 20
  /// What parallel queries share.
  private static let sharedMemoryPercent = 25

  let settings: LauncherSettings
  /// The instance's.
  let user: UInt32
  let group: UInt32

  /// The root without a branch; with a program, where it can be started.
  func base(program: String? = nil) throws(StoreError) -> NewRoot {
    do throws(SystemError) {
      var root = NewRoot()
      // First: what lies in /tmp of the machine is put into this one.
      root.addTemporary("/tmp", .bytes(Self.temporaryByteCountMax))
      root.addTemporary("/dev/shm", .percent(Self.sharedMemoryPercent))
      try root.addTree("/usr", .programs)
      try addSystemDirectories(&root)
      if let program { try addPrograms(program, &root) }
      for path in Self.settingsFiles where HostPath.resolved(path) != nil {
        try root.addTree(path, [])
      }
      root.addFile("/etc/passwd", users)
      root.addFile("/etc/group", groups)
      // Names of the machine's network would lead nowhere.
      root.addFile("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
      root.addFile("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
      for name in Self.devices { try root.addTree("/dev/\(name)", [.devices, .writing]) }
      root.addLink("/dev/fd", to: "/proc/self/fd")
      root.addLink("/dev/stdin", to: "/proc/self/fd/0")
      root.addLink("/dev/stdout", to: "/proc/self/fd/1")
      root.addLink("/dev/stderr", to: "/proc/self/fd/2")
      root.addProcesses("/proc")
      return root
    } catch {
      throw StoreError(error, opening: "what instances see of the machine", error.path)
    }
  }

  /// The root with what is an instance's own, each at the place that it has on the machine.
  func root(program: String, _ place: InstancePlace) throws(StoreError) -> NewRoot {
    var root = try base(program: program)
    let shown = root.treePaths.compactMap { PlainPath($0) }
    for path in [place.branchPath, place.runPath] + place.readOnly.map(\.path) {
      guard let other = shown.first(where: { $0.overlaps(path) }) else { continue }
      throw StoreError(
        .invalid, "an instance sees \(other.text) of the machine, and so cannot see this there",
        object: path.text, remedy: "give the mount and the server's files other places")
    }
    do throws(SystemError) {
      try root.addTree(of: place.branch, at: place.branchPath.text, .writing)
      try root.addTree(of: place.runDirectory, at: place.runPath.text, .writing)
      for (path, file) in place.readOnly { try root.addTree(of: file, at: path.text, []) }
      return root
    } catch {
      throw StoreError(error, opening: "what the instance sees", error.path)
    }
  }

  private func addSystemDirectories(_ root: inout NewRoot) throws(SystemError) {
    let top = try HostDirectory(path: "/")
    for path in Self.systemDirectories {
      let name = Array(path.utf8.dropFirst())
      do throws(SystemError) {
        switch try top.status(of: name).kind {
        case .symbolicLink: root.addLink(path, to: ByteText.text(try top.readSymbolicLink(name)))
        case .directory: try root.addTree(path, .programs)
        default: break
        }
      } catch {
        // Most machines have not all of them.
        guard error.isMissing else { throw error }
      }
    }
  }

  /// The directory that the program's one lies in, with its libraries, unless it is there already.
  private func addPrograms(_ program: String, _ root: inout NewRoot) throws(SystemError) {
    guard let prefix = PlainPath(program)?.parent?.parent, !prefix.names.isEmpty else { return }
    let isShown = ["/usr"] + Self.systemDirectories
    let device = try HostDirectory(path: prefix.text).status().device
    if prefix.names.first.map({ isShown.contains("/\($0)") }) == true,
      try HostDirectory(path: "/\(prefix.names[0])").status().device == device
    {
      return
    }
    try root.addTree(prefix.text, .programs)
  }

  private var users: String {
    var lines = "root:x:0:0:root:/:/usr/sbin/nologin\n"
    if settings.owner != 0, settings.owner != user, let name = settings.ownerName {
      lines += "\(name):x:\(settings.owner):\(settings.owner):store:/:/usr/sbin/nologin\n"
    }
    return lines + "\(Self.name):x:\(user):\(group):instance:/tmp:/bin/sh\n"
  }

  private var groups: String { "root:x:0:\n\(Self.name):x:\(group):\n" }

  /// What an instance's own user is called in it.
  static let name = "coppice-instance"
}
