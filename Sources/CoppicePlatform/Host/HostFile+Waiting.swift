internal import Glibc

extension HostFile {
  /// Waits until one of the streams can be read from, or has ended. Returns the places of all that
  /// can, of at least one.
  public static func waitForAny(of files: [HostFile]) throws(SystemError) -> [Int] {
    var items = files.map {
      pollfd(fd: $0.fileDescriptor, events: Int16(POLLIN), revents: 0)
    }
    try system("poll", "") { poll(&items, nfds_t(items.count), -1) }
    return items.indices.filter { items[$0].revents != 0 }
  }
}
