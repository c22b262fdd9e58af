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

  /// Whether a descriptor is of a pipe or socket that nobody reads any more.
  public static func isUnread(_ descriptor: Int32) -> Bool {
    var item = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&item, 1, 0) > 0 && item.revents & Int16(POLLERR) != 0
  }
}
