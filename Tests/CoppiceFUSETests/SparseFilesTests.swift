import CFileCalls
import Glibc
import TestSupport
import Testing

/// Holes, room, and what programs are told of both.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct SparseFilesTests {
  private static let byteCount = 256 << 20

  private func status(_ path: String) -> stat {
    var status = stat()
    lstat(path, &status)
    return status
  }

  private func kibibytes(_ path: String) -> Int { Int(status(path).st_blocks) / 2 }

  /// A file of that many bytes with a few at `offset`.
  private func makeSparse(_ path: String, at offset: Int) {
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    #expect(ftruncate(file, Self.byteCount) == 0)
    #expect(pwrite(file, "data", 4, offset) == 4)
    close(file)
  }

  @Test(arguments: MountMode.all)
  func `blocks tell what is stored, before and after it is sealed`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    makeSparse(mounted("file"), at: 100_000_000)
    let full = open(mounted("full"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    var random = SplitMix64(seed: 3)
    let bytes = random.bytes(3 << 20)
    #expect(write(full, bytes, bytes.count) == bytes.count)
    close(full)
    for _ in 0..<2 {
      #expect((1...64).contains(kibibytes(mounted("file"))))
      #expect(kibibytes(mounted("full")) == 3 << 10)
      #expect(status(mounted("full")).st_blocks * 512 >= status(mounted("full")).st_size)
      try mounted.stop()
      try mounted.start()
    }
    // Of 384 pages every second one goes.
    let holed = open(mounted("full"), O_WRONLY | O_CLOEXEC)
    for page in stride(from: 0, to: 384, by: 2) {
      #expect(filecalls_fallocate(holed, 3, Int64(page * 8192), 8192) == 0)
    }
    close(holed)
    for _ in 0..<2 {
      #expect(kibibytes(mounted("full")) == 3 << 9)
      try mounted.stop()
      try mounted.start()
    }
    try mounted.stop()
  }

  @Test(arguments: MountMode.all)
  func `blocks tell what is stored of a file that is open for writing`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    let file = open(mounted("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    #expect(ftruncate(file, 1 << 40) == 0)
    #expect(status(mounted("file")).st_blocks == 1)
    #expect(pwrite(file, "data", 4, 1 << 39) == 4)
    #expect(fsync(file) == 0)
    #expect((1...128).contains(status(mounted("file")).st_blocks))
    close(file)
    #expect((1...128).contains(status(mounted("file")).st_blocks))
    try mounted.stop()
  }

  @Test func `programs find data and holes where they are`() throws {
    let mounted = try MountedStore()
    makeSparse(mounted("file"), at: 100_000_000)
    let file = open(mounted("file"), O_RDONLY | O_CLOEXEC)
    let page = 100_000_000 / 8192 * 8192
    #expect(filecalls_seek_data(file, 0) == page)
    #expect(filecalls_seek_hole(file, 0) == 0)
    #expect(filecalls_seek_hole(file, Int64(page)) == page + 8192)
    #expect(filecalls_seek_data(file, Int64(page + 8192)) == -1 && errno == ENXIO)
    close(file)
    try Program("cp").check(["--sparse=auto", mounted("file"), mounted.folder("copy")])
    #expect(kibibytes(mounted.folder("copy")) < 1024)
    try Program("cmp").check([mounted("file"), mounted.folder("copy")])
    try mounted.stop()
  }

  @Test(arguments: MountMode.all)
  func `a copy has what the kernel holds back of a map and of writes`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    let file = open(mounted("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    #expect(ftruncate(file, 10 << 20) == 0)
    let map = mmap(nil, 10 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    try #require(map != MAP_FAILED)
    map?.storeBytes(of: 77, toByteOffset: 5_000_000, as: UInt8.self)
    let written = open(mounted("written"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    #expect(write(written, "written", 7) == 7)
    for name in ["file", "written"] {
      let copy = mounted.folder("copy-\(name)")
      try Program("cp").check(["--sparse=auto", mounted(name), copy])
      try Program("cmp").check([mounted(name), copy])
      let archive = mounted.folder("\(name).tar")
      try Program("tar").check(["-C", mounted(""), "-cSf", archive, name])
      try Program("tar").check(["-C", mounted(""), "-df", archive])
    }
    munmap(map, 10 << 20)
    close(written)
    close(file)
    // Nobody can have mapped it any more, once the kernel has said that it was closed.
    let page = 5_000_000 / 8192 * 8192
    var attemptCount = 0
    while try mounted.seekData("file") != page, mode != .writeback, attemptCount < 500 {
      attemptCount += 1
      usleep(10_000)
    }
    #expect(try mounted.seekData("file") == page || mode == .writeback)
    try mounted.stop()
  }

  @Test func `preallocation of more than there is is refused`() throws {
    let mounted = try MountedStore()
    var space = statvfs()
    #expect(statvfs(mounted(""), &space) == 0)
    let available = Int64(space.f_bavail) * Int64(space.f_frsize)
    let file = open(mounted("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    for mode: Int32 in [0, 1, 0x10] {
      errno = 0
      #expect(filecalls_fallocate(file, mode, 0, available * 2) == -1 && errno == ENOSPC)
    }
    #expect(status(mounted("file")).st_size == 0)
    #expect(filecalls_fallocate(file, 0, 0, 1 << 20) == 0)
    #expect(status(mounted("file")).st_size == 1 << 20)
    // Holes take nothing.
    #expect(filecalls_fallocate(file, 3, 0, available * 2) == 0)
    close(file)
    try mounted.stop()
  }

  @Test(arguments: MountMode.all)
  func `a buffered read sees a direct write by aio that has ended`(_ mode: MountMode) throws {
    let mounted = try MountedStore(mode)
    #expect(filecalls_count_stale_reads(mounted("file"), 1 << 20, 40) == 0)
    try mounted.stop()
  }
}

extension MountedStore {
  fileprivate func seekData(_ name: String) throws -> Int64 {
    let file = open(self(name), O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    return filecalls_seek_data(file, 0)
  }
}
