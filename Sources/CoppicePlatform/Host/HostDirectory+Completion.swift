internal import CLinux
internal import Glibc

/// What makes finished work visible and lasting.
extension HostDirectory {
  /// Moves a name into another directory of the same file system, where it must not exist yet.
  public func move(_ name: [UInt8], to target: HostDirectory) throws(SystemError) {
    let (here, there) = (fileDescriptor, target.fileDescriptor)
    try call("rename", name) { clinux_rename_exclusively(here, $0, there, $0) }
  }

  /// Makes everything written to the directory's file system durable.
  public func syncFileSystem() throws(SystemError) {
    try system("syncfs", path) { clinux_sync_file_system(fileDescriptor) }
  }
}
