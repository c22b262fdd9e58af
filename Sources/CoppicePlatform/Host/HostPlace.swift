internal import Glibc

/// A name in an open directory: where a path leads once its symbolic links are followed.
public struct HostPlace: Sendable {
  public let directory: HostDirectory
  public let name: [UInt8]

  /// Follows links at the end of the path by what they say. Links of procfs to what processes have
  /// open may say a path that leads elsewhere: `isPlace(of:)` tells.
  public init(resolving path: String) throws(SystemError) {
    var path = ByteText.bytes(path)
    for _ in 0..<Self.linkCountMax {
      let (directory, name) = try Self.split(path)
      guard try directory.status(of: name).kind == .symbolicLink else {
        (self.directory, self.name) = (directory, name)
        return
      }
      path = try Self.following(name, in: directory, of: path)
    }
    throw SystemError(call: "open", path: ByteText.text(path), code: ELOOP)
  }

  /// As many as the kernel follows.
  private static let linkCountMax = 40

  private static func split(_ path: [UInt8]) throws(SystemError) -> (HostDirectory, [UInt8]) {
    let slash = path.lastIndex(of: UInt8(ascii: "/"))
    let name = Array(path[(slash.map { $0 + 1 } ?? 0)...])
    let parent = slash.map { path[...$0] } ?? Array(".".utf8)[...]
    return (try HostDirectory(path: ByteText.text(parent)), name)
  }

  /// The path that the link at the end of a path leads to.
  private static func following(
    _ name: [UInt8], in directory: HostDirectory, of path: [UInt8]
  ) throws(SystemError) -> [UInt8] {
    let target = try directory.readSymbolicLink(name)
    return target.first == UInt8(ascii: "/") ? target : path.dropLast(name.count) + target
  }

  /// Whether what was opened by the path is what the place names.
  public func isPlace(of opened: HostStatus) -> Bool {
    do throws(SystemError) {
      let status = try directory.status(of: name)
      return status.device == opened.device && status.inode == opened.inode
    } catch {
      return false
    }
  }

  /// The descriptor of this process that a path means, as `/dev/stdin`, `/dev/fd/3` and symbolic
  /// links to them do; `nil` for other paths.
  public static func ownDescriptor(at path: String) -> Int32? {
    var path = ByteText.bytes(path)
    do throws(SystemError) {
      let folders = [
        try HostDirectory(path: "/proc/self/fd"), try HostDirectory(path: "/proc/thread-self/fd"),
      ]
      for _ in 0..<linkCountMax {
        let (directory, name) = try split(path)
        let status = try directory.status()
        for folder in folders {
          let own = try folder.status()
          if own.device == status.device, own.inode == status.inode {
            return Int32(String(decoding: name, as: UTF8.self))
          }
        }
        path = try following(name, in: directory, of: path)
      }
      return nil
    } catch {
      // No link, or nothing at all.
      return nil
    }
  }
}
