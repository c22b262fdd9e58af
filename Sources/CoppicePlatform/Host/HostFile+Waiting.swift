internal import CLinux
internal import Glibc

extension HostFile {
  /// What a pipe has, as far as it is there and not more than a page or so: it stays in the pipe.
  public func peek(byteCount: Int) throws(SystemError) -> [UInt8] {
    let copy = try HostFile.makePipe()
    let count: Int64
    do throws(SystemError) {
      count = try system("tee", path) {
        clinux_tee(fileDescriptor, copy.writer.fileDescriptor, byteCount)
      }
    } catch {
      guard error.code == EAGAIN else { throw error }
      return []
    }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    let readCount = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
      count == 0 ? 0 : try copy.reader.readSome(into: UnsafeMutableRawBufferPointer(buffer))
    }
    return Array(bytes[..<readCount])
  }

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
