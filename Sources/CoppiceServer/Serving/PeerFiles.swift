package import Coppice
package import CoppicePlatform

/// Files of another process on this machine: see `ClientFile`.
package struct PeerFiles: ClientFiles {
  /// As this process sees it; 0 when it lives where this process cannot see it.
  package let process: Int32

  package init(process: Int32) { self.process = process }

  package func path(of file: ClientFile) throws(StoreError) -> String {
    try check(file)
    return file.path(process: "\(process)")
  }

  package func openStream(
    _ file: ClientFile, forWriting: Bool
  ) throws(StoreError) -> HostFile {
    try check(file)
    do throws(SystemError) {
      return try HostFile(pipe: file.path(process: "\(process)"), forWriting: forWriting)
    } catch {
      throw file.unreachable(error)
    }
  }

  package func isOpen(_ file: ClientFile) -> Bool {
    do throws(SystemError) {
      return try matches(file)
    } catch {
      return false
    }
  }

  private func check(_ file: ClientFile) throws(StoreError) {
    do throws(SystemError) {
      if try matches(file) { return }
    } catch {
      throw file.unreachable(error)
    }
    throw StoreError(
      .invalid, "is not what the descriptor \(file.descriptor) of process \(process) means",
      object: file.shown)
  }

  /// Whether the descriptor still means what it did when the request was made.
  private func matches(_ file: ClientFile) throws(SystemError) -> Bool {
    let status = try HostFile(locating: "/proc/\(process)/fd/\(file.descriptor)").status()
    return status.device == file.device && status.inode == file.inode
  }
}
