internal import Glibc

/// The way from a directory down to one below it, however deep, with a bounded number of open
/// descriptors.
///
/// Names lead down, `..` leads up where the descriptor on the way was given up. A directory that is
/// not the one that the way led down through, because somebody moved it meanwhile, is an error with
/// code `ESTALE`; no step follows a symbolic link.
public struct HostDirectoryWalk {
  /// Directories above the current one that stay open, besides the top.
  public static let openCountMax = 16

  private struct Level {
    let name: [UInt8]
    let identity: FileUser.Identity
    /// `nil` where it was given up.
    var directory: HostDirectory?
  }

  private let top: HostDirectory
  /// Those below the top, on the way to the current one.
  private var levels: [Level] = []
  /// Where the way has led so far.
  public private(set) var current: HostDirectory

  public init(_ top: HostDirectory) {
    self.top = top
    current = top
  }

  /// The names on the way from the top to the current directory.
  public var names: [[UInt8]] { levels.map(\.name) }

  /// Goes into a directory of the current one.
  public mutating func descend(_ name: [UInt8]) throws(SystemError) {
    let child = try current.openDirectory(name)
    levels.append(
      Level(name: name, identity: try child.status().identity, directory: child))
    let given = levels.count - 2 - Self.openCountMax
    if given >= 0 { levels[given].directory = nil }
    current = child
  }

  /// Goes back to the directory above, which must not be above the top; returns the name that the
  /// way had led down by.
  @discardableResult
  public mutating func ascend() throws(SystemError) -> [UInt8] {
    guard let left = levels.popLast() else { preconditionFailure("the top is left") }
    guard let last = levels.indices.last else {
      current = top
      return left.name
    }
    if let open = levels[last].directory {
      current = open
    } else {
      let parent = try current.openParent(path: path)
      guard try parent.status().identity == levels[last].identity else {
        throw SystemError(call: "open", path: parent.path, code: ESTALE)
      }
      levels[last].directory = parent
      current = parent
    }
    return left.name
  }

  /// What messages call the directory at the end of the way.
  private var path: String {
    var end = ""
    for level in levels.reversed() {
      end = "/" + ByteText.text(level.name) + end
      if end.utf8.count > Self.shownByteCountMax { return top.path + "/..." + end }
    }
    return top.path + end
  }

  private static let shownByteCountMax = 256
}

extension HostDirectory {
  /// The directory that holds this one.
  public func openParent() throws(SystemError) -> HostDirectory {
    try openParent(path: path(of: Array("..".utf8)))
  }

  /// Opens the directory that names lead to, one below the other, however long a path they make.
  public func openDirectory(at names: some Sequence<[UInt8]>) throws(SystemError) -> HostDirectory {
    var place = self
    var piece: [UInt8] = []
    for name in names {
      if !piece.isEmpty { piece.append(UInt8(ascii: "/")) }
      piece += name
      guard piece.count > Self.pieceByteCountMax else { continue }
      place = try place.openDirectory(piece)
      piece = []
    }
    return piece.isEmpty ? place : try place.openDirectory(piece)
  }

  /// With one more name still less than PATH_MAX.
  private static let pieceByteCountMax = 2048

  /// Removes a name and, if it is a directory, all below it.
  public func removeTree(_ name: [UInt8]) throws(SystemError) {
    guard try status(of: name).kind == .directory else { return try remove(name) }
    var walk = HostDirectoryWalk(self)
    var waiting: [ArraySlice<[UInt8]>] = [[name]]
    while !waiting.isEmpty {
      if let next = waiting[waiting.count - 1].popFirst() {
        guard try walk.current.status(of: next).kind == .directory else {
          try walk.current.remove(next)
          continue
        }
        try walk.current.setPermissions(of: next, 0o700)
        try walk.descend(next)
        waiting.append(try walk.current.names()[...])
      } else {
        waiting.removeLast()
        guard !waiting.isEmpty else { return }
        let emptied = try walk.ascend()
        try walk.current.removeDirectory(emptied)
      }
    }
  }
}
