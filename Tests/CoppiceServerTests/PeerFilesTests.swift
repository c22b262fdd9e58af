import Coppice
import CoppicePlatform
import CoppiceServer
import TestSupport
import Testing

/// Files of another process, reached by the numbers of its descriptors. Here it is this process.
@Suite struct PeerFilesTests {
  private let folder: TemporaryFolder
  private let peer = PeerFiles(process: HostProcess.identifier)

  init() throws { folder = try TemporaryFolder() }

  @Test func `a directory and a file in it are reached, and named as the user did`() throws {
    try folder.write("file", "content".utf8)
    let directory = try HeldFile(source: folder.path)
    #expect(try TemporaryFolder.bytes(of: "\(peer.path(of: directory.file))/file").count == 7)
    let file = try HeldFile(source: folder("file"))
    let path = try peer.path(of: file.file)
    #expect(path.hasSuffix("/file"))
    #expect(try TemporaryFolder.bytes(of: path).count == 7)
    #expect(!file.file.isStream && peer.isOpen(file.file))
    #expect(peer.isOpen(directory.file))
  }

  @Test func `a descriptor that means something else now is refused`() throws {
    let held = try HeldFile(source: folder.path)
    var file = held.file
    file.inode &+= 1
    let moved = file
    let error = #expect(throws: StoreError.self) { try peer.path(of: moved) }
    #expect(error?.kind == .invalid)
    #expect(!peer.isOpen(moved))
    file.descriptor = 1 << 20
    let closed = file
    let other = #expect(throws: StoreError.self) { try peer.path(of: closed) }
    #expect(other?.kind == .denied)
    #expect(!peer.isOpen(closed))
    #expect(peer.isOpen(held.file))
  }

  @Test func `a stream is open as long as its holder says`() throws {
    let held = try HeldFile.standardOutput()
    let file = held.file
    #expect(file.isStream && peer.isOpen(file))
    _ = try peer.openStream(file, forWriting: true)
    try held.finish()
    #expect(!peer.isOpen(file))
  }

  @Test func `sources that are not there, and targets without a directory, are told`() throws {
    let source = #expect(throws: StoreError.self) { try HeldFile(source: folder("none")) }
    #expect(source?.kind == .notFound)
    #expect(source?.object == folder("none"))
    let target = #expect(throws: StoreError.self) { try HeldFile(target: folder("none/below")) }
    #expect(target?.kind == .notFound)
    #expect(target?.message.contains("directory of the target") == true)
  }
}
