internal import Coppice
internal import CoppicePlatform
internal import Synchronization

/// Where a mount is to be found: a directory at first; bind mounts and other mount namespaces may
/// show it elsewhere, and go on when it is unmounted there.
final class MountPlace: Sendable {
  let directory: String
  let changes: HostMountChanges
  private let device: HostDevice
  private let isHiddenNow = Atomic<Bool>(false)

  /// Of a mount just made.
  init(_ directory: String) throws(SystemError) {
    self.directory = directory
    changes = try HostMountChanges()
    let mount = try HostMount.all().last { $0.directory.hasBytes(of: directory) && $0.isCoppice }
    guard let mount else {
      throw SystemError.missing(call: "mount", path: directory)
    }
    device = mount.device
  }

  /// Whether no place in this process's mount namespace shows it, as of the last look.
  var isHidden: Bool { isHiddenNow.load(ordering: .sequentiallyConsistent) }

  /// Looks where it is shown.
  func look() throws(SystemError) {
    let isShown = try HostMount.all().contains { $0.device == device && $0.isCoppice }
    isHiddenNow.store(!isShown, ordering: .sequentiallyConsistent)
  }

  /// Whether it is what the directory shows: nothing else was mounted there since.
  func isInDirectory() throws(SystemError) -> Bool {
    try HostMount.all().last { $0.directory.hasBytes(of: directory) }?.device == device
  }

  /// Ends all requests to the mount, wherever it is shown.
  func abort() throws(SystemError) {
    do throws(SystemError) { try FUSEMounting.abort(device: device) } catch {
      // It ended by itself meanwhile.
      if !error.isMissing { throw error }
    }
  }
}

extension HostMount {
  fileprivate var isCoppice: Bool { kind == "fuse.coppice" }
}

extension MountSession {
  /// Ends the mount once it is shown nowhere in this process's mount namespace and nothing of it is
  /// open: whoever unmounted it wants it to end, but what another namespace uses is not taken away.
  func watchPlace() {
    var isToldOf = false
    do throws(SystemError) {
      while !isUnmounted {
        try place.look()
        if place.isHidden {
          if handles.isEmpty { return try endHidden() }
          if !isToldOf { options.log("\(directory) is unmounted, but \(usersText) elsewhere") }
          isToldOf = true
        }
        try place.changes.wait()
      }
    } catch {
      options.log("mounts are not watched any more: \(error)")
    }
  }

  private func endHidden() throws(SystemError) {
    // By itself, if nothing else shows it.
    if waitForEnd(nanoseconds: MountSession.patienceNanoseconds) { return }
    options.log("ending the mount, which only other mount namespaces show")
    try place.abort()
  }

  /// How long the kernel may take to end a mount that nothing shows any more.
  static let patienceNanoseconds: UInt64 = 1_000_000_000

  private var usersText: String {
    let processes = handles.processes.sorted().map { "\($0)" }.joined(separator: ", ")
    return processes.isEmpty ? "files of it are open" : "used by process \(processes)"
  }
}
