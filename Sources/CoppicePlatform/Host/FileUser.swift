internal import CLinux
internal import Glibc

/// A process that uses files of the machine, as far as this process may look: those of inner
/// namespaces show in an outer one, others' only to root.
///
/// All that is found out here the kernel knows by itself: no file system is asked, so that the one
/// that serves the files may look.
public struct FileUser: Hashable, Sendable {
  /// A file of the machine.
  public struct Identity: Hashable, Sendable {
    public var device: UInt64
    public var inode: UInt64

    public init(device: UInt64, inode: UInt64) {
      self.device = device
      self.inode = inode
    }

    /// Of what the path, behind symbolic links, leads to; `nil` when it cannot be looked at.
    public init?(of path: String) {
      self.init(device: 0, inode: 0)
      guard path.withPath({ clinux_identity($0, &device, &inode) }) == 0 else { return nil }
    }
  }

  public let process: Int32
  /// Its program's name, as `ps` shows it; empty when it has ended.
  public var name: String { Self.name(of: process) ?? "" }

  /// As whom it runs; `nil` when it has ended.
  public var userID: UInt32? { HostUsers.user(of: process) }

  private init(process: Int32) { self.process = process }

  // MARK: Finding

  /// All processes but this one, by their numbers.
  public static func all() -> [FileUser] {
    do throws(SystemError) {
      return try HostDirectory(path: "/proc").names()
        .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
        .filter { $0 != HostProcess.identifier }.sorted().map(FileUser.init)
    } catch {
      return []
    }
  }

  /// The processes that work in a directory.
  public static func all(workingIn directory: Identity) -> [FileUser] {
    all().filter { $0.workingDirectory == directory }
  }

  /// A process's name; `nil` when there is none with that number, or it may not be looked at.
  public static func name(of process: Int32) -> String? {
    guard var name = contents(of: process, "comm") else { return nil }
    if name.last == UInt8(ascii: "\n") { name.removeLast() }
    return String(decoding: name, as: UTF8.self)
  }

  // MARK: What it uses

  /// `nil` when it may not be looked at.
  public var workingDirectory: Identity? { Identity(of: "/proc/\(process)/cwd") }

  /// The files that it has open or mapped, each once.
  public func files(onDevice device: UInt64) -> Set<UInt64> {
    openFiles(onDevice: device).union(mappedFiles(onDevice: device))
  }

  private func openFiles(onDevice device: UInt64) -> Set<UInt64> {
    let folder = "/proc/\(process)/fd"
    do throws(SystemError) {
      let files = try HostDirectory(path: folder).names().compactMap { name in
        Identity(of: "\(folder)/\(String(decoding: name, as: UTF8.self))")
      }
      return Set(files.filter { $0.device == device }.map(\.inode))
    } catch {
      // It has ended, or is another user's.
      return []
    }
  }

  /// Lines of `maps`: addresses, permissions, offset, device as hexadecimal major:minor, inode,
  /// name.
  private func mappedFiles(onDevice device: UInt64) -> Set<UInt64> {
    let number = HostDevice(packed: device)
    var inodes: Set<UInt64> = []
    for line in (Self.contents(of: process, "maps") ?? []).split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count > 4 else { continue }
      let place = fields[3].split(separator: UInt8(ascii: ":")).map {
        UInt32(String(decoding: $0, as: UTF8.self), radix: 16)
      }
      guard place == [number.major, number.minor],
        let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
      else { continue }
      inodes.insert(inode)
    }
    return inodes
  }

  private static func contents(of process: Int32, _ name: String) -> [UInt8]? {
    do throws(SystemError) {
      let file = try HostFile(reading: "/proc/\(process)/\(name)")
      var contents: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = try piece.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
          try file.readSome(into: UnsafeMutableRawBufferPointer(buffer))
        }
        if count == 0 { return contents }
        contents += piece[..<count]
      }
    } catch {
      return nil
    }
  }
}
