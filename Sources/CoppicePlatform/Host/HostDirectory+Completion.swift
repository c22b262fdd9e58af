internal import CLinux
internal import Glibc

/// What makes finished work visible and lasting.
extension HostDirectory {
  /// Moves a name into another directory of the same file system, where it must not exist yet.
  public func move(
    _ name: [UInt8], to target: HostDirectory, as newName: [UInt8]? = nil
  ) throws(SystemError) {
    let (here, there) = (fileDescriptor, target.fileDescriptor)
    try call("rename", name) { source throws(SystemError) in
      try call("rename", newName ?? name) {
        clinux_rename_exclusively(here, source, there, $0)
      }
    }
  }

  /// Removes all that is in the directory, however deep, and follows no link. Nobody else may
  /// change it meanwhile.
  public func removeContents() throws(SystemError) {
    var count: UInt64 = 0
    while case let names = try names(), !names.isEmpty {
      for name in names {
        guard try status(of: name).kind == .directory else {
          try remove(name)
          continue
        }
        // What is deeper comes up first: no depth takes memory or descriptors.
        let directory = try openDirectory(name)
        for inner in try directory.names() {
          guard try directory.status(of: inner).kind == .directory else {
            try directory.remove(inner)
            continue
          }
          while true {
            count += 1
            do throws(SystemError) {
              try directory.move(inner, to: self, as: Array("\(count)".utf8))
              break
            } catch {
              guard error.isExisting else { throw error }
            }
          }
        }
        try removeDirectory(name)
      }
    }
  }

  /// Makes everything written to the directory's file system durable.
  public func syncFileSystem() throws(SystemError) {
    try system("syncfs", path) { clinux_sync_file_system(fileDescriptor) }
  }
}
