extension HostDirectory {
  /// Bytes of the blocks that the directory and all below it take on their file system. A file with
  /// several names counts once; what goes meanwhile may not count.
  public func allocatedByteCount() throws(SystemError) -> UInt64 {
    var total: UInt64 = 0
    var counted: Set<UInt64> = []
    var pending = [self]
    while let directory = pending.popLast() {
      total += try directory.status().allocatedByteCount
      for name in try directory.names() {
        do throws(SystemError) {
          let status = try directory.status(of: name)
          if status.kind == .directory {
            pending.append(try directory.openDirectory(name))
          } else if status.linkCount < 2 || counted.insert(status.inode).inserted {
            total += status.allocatedByteCount
          }
        } catch {
          if !error.isMissing { throw error }
        }
      }
    }
    return total
  }
}
