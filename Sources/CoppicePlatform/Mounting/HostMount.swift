internal import Glibc

/// One file system in the machine's tree.
public struct HostMount: Hashable, Sendable {
  /// Where it is mounted.
  public var directory: String
  /// For example `ext4`, or `fuse.coppice`.
  public var kind: String
  /// What is mounted: a device, or what a server calls itself.
  public var source: String
  /// The same for all places of one file system.
  public var device: HostDevice

  /// All that this process sees, in the order of mounting.
  public static func all() throws(SystemError) -> [HostMount] {
    let file = try HostDirectory(path: "/proc/self").openFile(Array("mountinfo".utf8))
    let text = AlignedBuffer()
    while true {
      text.reserve(1 << 16)
      let rest = UnsafeMutableRawBufferPointer(
        start: text.bytes + text.byteCount, count: 1 << 16)
      let count = try file.readNext(into: rest)
      if count == 0 { break }
      text.extend(count)
    }
    return text.contents.split(separator: UInt8(ascii: "\n"))
      .compactMap { HostMount(line: ByteText.text($0)) }
  }

  /// A line as proc(5) describes it: `36 35 98:0 /root /place options ... - kind source options`.
  init?(line: String) {
    let fields = line.split(byte: UInt8(ascii: " "))
    guard fields.count > 9, let separator = fields.firstIndex(of: "-"),
      separator + 2 < fields.count
    else { return nil }
    let numbers = fields[2].split(separator: ":").compactMap { UInt32($0) }
    guard numbers.count == 2 else { return nil }
    device = HostDevice(major: numbers[0], minor: numbers[1])
    directory = Self.unescaped(fields[4])
    kind = fields[separator + 1]
    source = Self.unescaped(fields[separator + 2])
  }

  /// Blanks and backslashes are written in octal, as `\040`.
  private static func unescaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Changes of what is mounted where, in the mount namespace of this process.
public final class HostMountChanges: Sendable {
  private let table: HostFile
  private let wakeUps: (reader: HostFile, writer: HostFile)

  /// Changes after this are told.
  public init() throws(SystemError) {
    table = try HostDirectory(path: "/proc/self").openFile(Array("mountinfo".utf8))
    wakeUps = try HostFile.makePipe()
  }

  /// Returns once something was mounted or unmounted, or `wake` was called, since the last call.
  public func wait() throws(SystemError) {
    var items = [
      pollfd(fd: table.fileDescriptor, events: Int16(POLLPRI), revents: 0),
      pollfd(fd: wakeUps.reader.fileDescriptor, events: Int16(POLLIN), revents: 0),
    ]
    try system("poll", table.path) { poll(&items, 2, -1) }
    guard items[1].revents != 0 else { return }
    var bytes = [UInt8](repeating: 0, count: 64)
    try system("read", "pipe") { read(wakeUps.reader.fileDescriptor, &bytes, bytes.count) }
  }

  /// Ends a `wait`, the next one if there is none.
  public func wake() {
    var byte: UInt8 = 0
    // The reader lives as long as the writer: there is nothing that could fail.
    _ = write(wakeUps.writer.fileDescriptor, &byte, 1)
  }
}
