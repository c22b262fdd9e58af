import Coppice
import Glibc
import TestSupport
import Testing

/// What the kernel holds back.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct DirtyPagesTests {
  @Test func `a fork after a sync has what a program wrote to a memory map`() throws {
    let mounted = try MountedStore()
    mkdir(mounted("folder"), 0o755)
    let file = open(mounted("folder/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    #expect(file >= 0)
    #expect(ftruncate(file, 8192) == 0)
    let map = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    try #require(map != MAP_FAILED)
    map?.storeBytes(of: 77, toByteOffset: 5000, as: UInt8.self)
    try mounted.tell("sync main")
    try mounted.tell("create fork main")
    munmap(map, 8192)
    close(file)
    try mounted.stop()
    let bytes = try mounted.withStore { store in
      let fork = try store.branch("fork")
      return try fork.read(fork.lookup("folder/file"), at: 5000, byteCount: 1)
    }
    #expect(bytes == [77])
  }
}
