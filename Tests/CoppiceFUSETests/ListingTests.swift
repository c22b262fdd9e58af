import CFileCalls
import Coppice
import Glibc
import TestSupport
import Testing

/// Directories that change while they are listed, and numbers that lists give.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct ListingTests {
  private static let modes = MountMode.all.filter { $0 != .writeback }

  private func read(_ path: String) throws -> String {
    String(decoding: try TemporaryFolder.bytes(of: path), as: UTF8.self)
  }

  private func inode(_ path: String) -> UInt64 {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
  }

  private struct Entry: Hashable {
    var name: String
    var inode: UInt64
    /// Behind the entry.
    var position: Int
  }

  private func next(_ stream: OpaquePointer) -> Entry? {
    guard let entry = readdir(stream) else { return nil }
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    return Entry(name: name, inode: UInt64(entry.pointee.d_ino), position: telldir(stream))
  }

  private func entries(_ stream: OpaquePointer) -> [Entry] {
    var entries: [Entry] = []
    while let entry = next(stream) { entries.append(entry) }
    return entries
  }

  @Test(arguments: modes)
  func `a name that changes during a listing leads to what it means`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    let fs = FileCalls(mounted("d"))
    mkdir(fs.root, 0o755)
    let names = (0..<2000).map { "f\($0)" }
    for name in names { fs.make(name, "old \(name)") }
    fs.make("new", "new")
    let stream = try #require(opendir(fs.root))
    defer { closedir(stream) }
    // As the tools that look at each entry do: the kernel then asks for attributes with the names.
    for _ in 0..<10 { if let entry = next(stream) { _ = inode(fs.path(entry.name)) } }
    // Any of them may be in a part of the list that the kernel has, or in one that it has not.
    for name in names[..<500] { fs.rename(name, "kept \(name)") }
    for name in names[..<500] { fs.make(name, "new \(name)") }
    for name in names[500..<1000] { fs.unlink(name) }
    try mounted.tell("put main /d/f1999 replaced")
    try mounted.tell("remove main /d/f1998")
    let rest = Set(entries(stream).map(\.name))
    for name in names[..<500] {
      #expect(try read(fs.path(name)) == "new \(name)")
      #expect(try read(fs.path("kept \(name)")) == "old \(name)")
      #expect(inode(fs.path(name)) != inode(fs.path("kept \(name)")))
    }
    for name in names[500..<1000] + ["f1998"] { #expect(inode(fs.path(name)) == 0) }
    #expect(try read(fs.path("f1999")) == "replaced")
    #expect(rest.count > 900)
    try mounted.stop()
  }

  @Test(arguments: modes)
  func `a position holds in every opening, also when its entry is gone`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    let fs = FileCalls(mounted("d"))
    mkdir(fs.root, 0o755)
    for number in 0..<400 { fs.make("entry \(number)") }
    let one = try #require(opendir(fs.root))
    let all = entries(one)
    #expect(Set(all.map(\.name)).count == 402)
    closedir(one)
    fs.unlink(all[100].name)
    let two = try #require(opendir(fs.root))
    for place in [100, 300, 2, 399, 0] {
      seekdir(two, all[place].position)
      let rest = entries(two).map(\.name)
      #expect(rest == all[(place + 1)...].map(\.name).filter { $0 != all[100].name })
    }
    rewinddir(two)
    #expect(entries(two).count == 401)
    closedir(two)
    try mounted.stop()
  }

  @Test(arguments: modes)
  func `lists and files have the same inode numbers, in the next mount too`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    try mounted.tell("create other main")
    try mounted.tell("snapshot main@s")
    mkdir(mounted("d"), 0o755)
    FileCalls(mounted("d")).make("f", "x")
    let directories = [mounted.directory, mounted("."), mounted("d")]
    func numbers(_ directories: [String]) throws -> [String: UInt64] {
      var numbers: [String: UInt64] = [:]
      for directory in directories {
        let stream = try #require(opendir(directory))
        for entry in entries(stream) where directory != mounted.directory || entry.name != ".." {
          let path = "\(directory)/\(entry.name)"
          #expect(entry.inode == inode(path), "\(path)")
          numbers[path] = entry.inode
        }
        closedir(stream)
      }
      return numbers
    }
    let first = try numbers(directories)
    #expect(first.count == 4 + 3 + 3)
    #expect(Set(first.values).count == 6)
    try mounted.stop()
    try mounted.start()
    #expect(try numbers(directories.reversed()) == first)
    try mounted.stop()
  }

  @Test(arguments: modes)
  func `file handles lead to their files, and are stale in the next mount`(_ mode: MountMode) throws
  {
    let mounted = try MountedStore(mode)
    mkdir(mounted("d"), 0o755)
    FileCalls(mounted("d")).make("f", "content")
    var handles = [filecalls_handle](repeating: filecalls_handle(), count: 3)
    let paths = [mounted("d/f"), mounted("d"), mounted(".")]
    for index in 0..<3 { #expect(filecalls_get_handle(paths[index], &handles[index]) == 0) }
    // The kernel forgets what it knows.
    _ = try Program("sh").check(["-c", "echo 2 > /proc/sys/vm/drop_caches"])
    for index in 0..<3 {
      let file = filecalls_open_handle(mounted.directory, &handles[index], O_RDONLY)
      #expect(file >= 0, "\(FileCalls.errorName(errno))")
      var status = stat()
      #expect(fstat(file, &status) == 0 && UInt64(status.st_ino) == inode(paths[index]))
      close(file)
    }
    unlink(mounted("d/f"))
    // The kernel tells of the last closing when it gets to it, and keeps the file until then.
    var last = filecalls_open_handle(mounted.directory, &handles[0], O_RDONLY)
    for _ in 0..<1000 where last >= 0 {
      close(last)
      usleep(10_000)
      last = filecalls_open_handle(mounted.directory, &handles[0], O_RDONLY)
    }
    #expect(last == -1 && errno == ESTALE)
    try mounted.stop()
    try mounted.start()
    for index in 0..<3 {
      #expect(filecalls_open_handle(mounted.directory, &handles[index], O_RDONLY) == -1)
      #expect(errno == ESTALE)
    }
    try mounted.stop()
  }
}
