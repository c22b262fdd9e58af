internal import CoppicePlatform
internal import Glibc
internal import Testing

/// Ways down directories that are deeper than any path may be.
@Suite struct HostDirectoryWalkTests {
  private let name = Array("directory".utf8)
  private let depth = 3000

  /// Calls `body` at the end of a way of `depth` new directories.
  private func withDeepTree(
    _ body: (_ top: HostDirectory, _ walk: inout HostDirectoryWalk) throws -> Void
  ) throws {
    try withTemporaryDirectory { path in
      let top = try HostDirectory(path: path)
      var walk = HostDirectoryWalk(top)
      for _ in 0..<depth {
        try walk.current.makeDirectory(name, permissions: 0o700)
        try walk.descend(name)
      }
      try body(top, &walk)
    }
  }

  private var openCount: Int {
    (try? HostDirectory(path: "/proc/self/fd").names().count) ?? 0
  }

  @Test func `a way leads down and up again with few descriptors`() throws {
    let before = openCount
    try withDeepTree { top, walk in
      // Other tests open files meanwhile.
      #expect(openCount < before + 500)
      #expect(walk.names.count == depth)
      let bottom = try walk.current.status().identity
      #expect(try top.openDirectory(at: walk.names).status().identity == bottom)
      _ = try walk.current.makeFile(Array("bottom".utf8), permissions: 0o600)
      #expect(walk.current.path.utf8.count < 8192)
      for _ in 0..<depth { #expect(try walk.ascend() == name) }
      #expect(try walk.current.status().identity == top.status().identity)
      #expect(walk.names.isEmpty)
    }
  }

  @Test func `a directory that was moved meanwhile is an error on the way up`() throws {
    try withDeepTree { top, walk in
      let other = Array("other".utf8)
      let half = try top.openDirectory(at: Array(walk.names[..<(depth / 2)]))
      try half.rename(name, to: other)
      try half.move(other, to: top)
      let error = error { for _ in 0..<depth { try walk.ascend() } }
      #expect(error?.isMoved == true)
    }
  }

  @Test func `no step follows a symbolic link`() throws {
    try withTemporaryDirectory { path in
      var walk = HostDirectoryWalk(try HostDirectory(path: path))
      try walk.current.makeSymbolicLink(name, to: Array("/".utf8))
      #expect(error { try walk.descend(name) }?.isNotDirectory == true)
      #expect(walk.names.isEmpty)
    }
  }

  @Test func `a deep tree is removed`() throws {
    try withDeepTree { top, walk in
      _ = try walk.current.makeFile(Array("bottom".utf8), permissions: 0o600)
      try top.removeTree(name)
      #expect(try top.names().isEmpty)
      #expect(error { try top.removeTree(name) }?.isMissing == true)
    }
  }
}
