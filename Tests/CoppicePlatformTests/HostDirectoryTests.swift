internal import CoppicePlatform
internal import Glibc
internal import Testing

/// Directories and files outside the store.
@Suite struct HostDirectoryTests {
  private let name = Array("file".utf8)

  private func withDirectory(_ body: (HostDirectory) throws -> Void) throws {
    try withTemporaryDirectory { try body(try HostDirectory(path: $0)) }
  }

  @Test func `names are bytes, in their order`() throws {
    try withDirectory { directory in
      let names: [[UInt8]] = [[0xFF, 0xFE], Array("a".utf8), Array(" b\n".utf8)]
      for name in names { _ = try directory.makeFile(name, permissions: 0o600) }
      #expect(try directory.names() == [names[2], names[1], names[0]])
      #expect(try directory.status(of: names[0]).kind == .regular)
      #expect(error { _ = try directory.makeFile([0x61, 0], permissions: 0o600) }?.code == EINVAL)
    }
  }

  @Test func `times keep their nanoseconds, also before 1970`() throws {
    try withDirectory { directory in
      _ = try directory.makeFile(name, permissions: 0o640)
      try directory.setTimes(of: name, accessed: 1_234_567_890_123_456_789, modified: -1)
      let status = try directory.status(of: name)
      #expect(status.accessed == 1_234_567_890_123_456_789)
      #expect(status.modified == -1)
      try directory.setTimes(of: [], accessed: 5, modified: 7)
      #expect(try directory.status().modified == 7)
    }
  }

  @Test func `moments that cannot be kept become the nearest ones that can`() {
    #expect(StoredTime.nanoseconds(seconds: 13_569_465_600) == .max)
    #expect(StoredTime.nanoseconds(seconds: -13_569_465_600, nanoseconds: 5) == .min)
    #expect(StoredTime.nanoseconds(seconds: .max, nanoseconds: .max) == .max)
    #expect(StoredTime.nanoseconds(seconds: .min) == .min)
    // The first and last seconds are kept in part.
    #expect(StoredTime.nanoseconds(seconds: 9_223_372_036, nanoseconds: 854_775_807) == .max)
    #expect(StoredTime.nanoseconds(seconds: -9_223_372_037, nanoseconds: 145_224_192) == .min)
    #expect(StoredTime.nanoseconds(seconds: -1, nanoseconds: 999_999_999) == -1)
  }

  @Test func `permissions and owners are set exactly`() throws {
    try withDirectory { directory in
      _ = try directory.makeFile(name, permissions: 0o600)
      try directory.setPermissions(of: name, 0o4751)
      #expect(try directory.status(of: name).permissions == 0o4751)
      let status = try directory.status(of: name)
      try directory.setOwner(of: name, user: status.user, group: status.group)
      try directory.setPermissions(of: [], 0o711)
      try directory.setOwner(of: [], user: status.user, group: status.group)
      #expect(try directory.status().permissions == 0o711)
    }
  }

  @Test func `links of both kinds are made and read`() throws {
    try withDirectory { directory in
      _ = try directory.makeFile(name, permissions: 0o600)
      let soft = Array("soft".utf8)
      let hard = Array("hard".utf8)
      try directory.makeSymbolicLink(soft, to: Array("no/where".utf8))
      #expect(try directory.readSymbolicLink(soft) == Array("no/where".utf8))
      #expect(try directory.status(of: soft).kind == .symbolicLink)
      try directory.makeHardLink(hard, to: name, in: directory)
      #expect(try directory.status(of: hard).inode == directory.status(of: name).inode)
      #expect(try directory.status(of: name).linkCount == 2)
      #expect(error { _ = try directory.openFile(soft) }?.code == ELOOP)
    }
  }

  @Test func `attributes of files and links are set, listed and read`() throws {
    try withDirectory { directory in
      let file = try directory.makeFile(name, permissions: 0o600)
      let attribute = Array("user.coppice".utf8)
      do {
        try directory.setAttribute(attribute, to: [1, 0, 2], of: name)
      } catch let error as SystemError where error.isUnsupported {
        return
      }
      #expect(try directory.attributeNames(of: name) == [attribute])
      #expect(try directory.attribute(attribute, of: name) == [1, 0, 2])
      let missing = Array("user.no".utf8)
      #expect(error { _ = try directory.attribute(missing, of: name) }?.code == ENODATA)
      try directory.setAttribute(attribute, to: [], of: [])
      #expect(try directory.attribute(attribute, of: []) == [])
      withExtendedLifetime(file) {}
    }
  }

  @Test func `the data between holes is found`() throws {
    try withDirectory { directory in
      let file = try directory.makeFile(name, permissions: 0o600)
      try file.truncate(to: 1 << 20)
      let block = [UInt8](repeating: 1, count: 65536)
      try block.withUnsafeBytes { try file.write($0, at: 262_144) }
      let data = try file.nextData(from: 0)
      #expect(data?.contains(262_144) == true && data?.contains(327_679) == true)
      let status = try file.status()
      #expect(status.byteCount == 1 << 20)
      try file.punchHole(0..<1 << 20)
      var back = block
      #expect(try back.withUnsafeMutableBytes { try file.read(into: $0, at: 262_144) } == 65536)
      #expect(back.allSatisfy { $0 == 0 })
      #expect(try file.nextData(from: 2 << 20) == nil)
    }
  }

  @Test func `pipes and directories are made and told apart`() throws {
    try withDirectory { directory in
      let pipe = Array("pipe".utf8)
      try directory.makeSpecial(
        pipe, .fifo, permissions: 0o600, device: HostDevice(major: 0, minor: 0))
      #expect(try directory.status(of: pipe).kind == .fifo)
      let child = Array("child".utf8)
      try directory.makeDirectory(child, permissions: 0o755)
      let opened = try directory.openDirectory(child)
      #expect(try opened.names().isEmpty)
      #expect(try opened.status().inode == directory.status(of: child).inode)
      try directory.removeDirectory(child)
      try directory.remove(pipe)
      try directory.sync()
      #expect(try directory.names().isEmpty)
    }
  }

  @Test func `an exclusive renaming does not replace`() throws {
    try withDirectory { directory in
      let other = Array("other".utf8)
      _ = try directory.makeFile(name, permissions: 0o600)
      _ = try directory.makeFile(other, permissions: 0o600)
      #expect(
        error { try directory.rename(name, to: other, exclusively: true) }?.isExisting == true)
      try directory.rename(name, to: other)
      #expect(try directory.names() == [other])
    }
  }

  @Test func `a device number is packed and unpacked`() {
    let device = HostDevice(major: 259, minor: 70_000)
    #expect(HostDevice(packed: device.packed) == device)
  }

  @Test func `a kind and its mode bits belong together`() {
    for kind in HostFileKind.allCases {
      #expect(HostFileKind(mode: kind.modeBits | 0o644) == kind)
    }
    #expect(HostFileKind(mode: 0o644) == nil)
  }
}
