internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// A directory that is fit to be mounted on.
struct MountPoint {
  /// Absolute, without symbolic links.
  let directory: String
  private let store: String

  /// Checks the directory, and detaches what a killed server left mounted there.
  init(
    _ path: String, store: Store, log: (String) -> Void
  ) throws(StoreError) {
    let place = HostPath.resolved(path) ?? HostPath.resolvedExceptLast(path)
    guard let place else { throw .noMountPoint(path) }
    directory = place
    self.store = HostPath.resolved(store.directory) ?? store.directory
    try checkOutsideStore(path)
    while try Self.isStale(place, path) {
      log("detaching a mount whose server is gone from \(place)")
      try Self.attempt("detaching a mount whose server is gone") { () throws(SystemError) in
        try FUSEMounting.detach(place)
      }
    }
    try checkUnused(path)
  }

  private static func attempt<Result>(
    _ action: String, _ body: () throws(SystemError) -> Result
  ) throws(StoreError) -> Result {
    do throws(SystemError) { return try body() } catch {
      throw StoreError(error, while: action)
    }
  }

  private func checkOutsideStore(_ path: String) throws(StoreError) {
    if directory.hasBytes(of: store) || directory.utf8.starts(with: "\(store)/".utf8) {
      throw StoreError(
        .invalid, "a store cannot be mounted inside itself", object: path,
        remedy: "choose a directory outside \(store)")
    }
    if store.utf8.starts(with: "\(directory)/".utf8) {
      throw StoreError(
        .invalid, "the store lies in this directory, and a mount would hide it", object: path,
        remedy: "choose another directory")
    }
  }

  /// Whether a mount there has lost its server. Opening asks the server; looking may not.
  private static func isStale(_ place: String, _ path: String) throws(StoreError) -> Bool {
    do throws(SystemError) {
      _ = try HostDirectory(path: place)
      return false
    } catch {
      if error.isWithoutServer { return true }
      if error.isMissing { throw .noMountPoint(path) }
      if error.isNotDirectory {
        throw StoreError(
          .invalid, "not a directory", object: path, remedy: "mount on an empty directory")
      }
      throw StoreError(error, while: "opening the directory to mount on")
    }
  }

  private func checkUnused(_ path: String) throws(StoreError) {
    let mounts = try Self.attempt("reading the list of mounts") { () throws(SystemError) in
      try HostMount.all()
    }
    if let found = mounts.last(where: { $0.directory.hasBytes(of: directory) }) {
      throw StoreError(
        .inUse, "\(found.source) is mounted there already, as \(found.kind)", object: path,
        remedy: "unmount it, or choose another directory")
    }
    let names = try Self.attempt("reading the directory to mount on") { () throws(SystemError) in
      try HostDirectory(path: directory).names()
    }
    guard names.isEmpty else {
      throw StoreError(
        .conflict, "the directory is not empty, and a mount would hide what is in it",
        object: path, remedy: "mount on an empty directory")
    }
  }

  func mount(allowsOthers: Bool) throws(StoreError) -> FUSEDevice {
    do throws(SystemError) {
      return try FUSEMounting.mount(
        source: store, at: directory, allowsOthers: allowsOthers,
        readByteCountMax: MountSession.transferByteCountMax)
    } catch {
      throw .mounting(error)
    }
  }
}

extension StoreError {
  fileprivate static func noMountPoint(_ path: String) -> StoreError {
    StoreError(
      .notFound, "there is no such directory", object: path, remedy: "make it with mkdir")
  }

  /// What a failed attempt to mount means to the user.
  static func mounting(_ error: SystemError) -> StoreError {
    let (kind, message, remedy): (Kind, String, Remedy)
    switch error.call {
    case "open" where error.isDenied:
      kind = .denied
      message = "this user may not open the FUSE device"
      remedy = "run as root, or allow it with `chmod 666 /dev/fuse`"
    case "open":
      kind = .unavailable
      message = "this machine has no FUSE device"
      remedy =
        "load it with `modprobe fuse`; in a container, start that with "
        + "`--device /dev/fuse --cap-add SYS_ADMIN`"
    case "fusermount3" where error.isMissing:
      kind = .denied
      message = "only root mounts without the program fusermount3"
      remedy = "install it (Debian: `apt install fuse3`), or run as root"
    case "fusermount3":
      kind = .denied
      message = "fusermount3 refused to mount"
      remedy =
        "look at the rights of /dev/fuse and of the directory, and for `user_allow_other` "
        + "in /etc/fuse.conf"
    default:
      kind = .denied
      message = "the kernel refused to mount"
      remedy =
        error.isDenied
        ? "in a container, start that with `--cap-add SYS_ADMIN --device /dev/fuse`"
        : "look at the kernel's log"
    }
    return StoreError(
      kind, message, object: error.path, remedy: remedy, cause: error.description)
  }
}
