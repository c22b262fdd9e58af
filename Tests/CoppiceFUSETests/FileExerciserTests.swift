import CFileCalls
import Glibc
import TestSupport
import Testing

/// Random operations on a file of the mount and on one of the machine's file system, whose content
/// must stay the same. In the manner of `fsx`, by A. Tevanian.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct FileExerciserTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func `random operations leave the same content as on the machine's file system`(
    _ seed: UInt64
  ) throws {
    let modes = MountMode.all
    let mounted = try MountedStore(modes[Int(seed) % modes.count])
    let oracle = try TemporaryFolder()
    var exerciser = try FileExerciser(mounted("file"), oracle("file"), seed: seed)
    for step in 0..<600 {
      let what = try exerciser.step()
      #expect(exerciser.isSame, "seed \(seed), step \(step): \(what)")
      if !exerciser.isSame { return }
      if step % 200 == 199 {
        exerciser.close()
        try mounted.stop()
        try mounted.start()
        try exerciser.open()
        #expect(exerciser.isSame, "seed \(seed), step \(step): mounted again")
      }
    }
    exerciser.close()
    try mounted.stop()
  }
}

/// Two open files that every operation is made on.
private struct FileExerciser {
  private static let byteCountMax = 300_000

  private let paths: [String]
  private var files: [Int32] = []
  private var random: SplitMix64
  private var byteCount = 0

  init(_ first: String, _ second: String, seed: UInt64) throws {
    paths = [first, second]
    random = SplitMix64(seed: seed)
    try open()
  }

  mutating func open() throws {
    files = paths.map { Glibc.open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
    guard files.allSatisfy({ $0 >= 0 }) else { throw Program.Failure(description: "open") }
  }

  mutating func close() {
    for file in files { Glibc.close(file) }
    files = []
  }

  /// Whether both files have the same bytes.
  var isSame: Bool {
    let contents = files.map { file in
      var bytes = [UInt8](repeating: 0, count: Self.byteCountMax * 2)
      let count = pread(file, &bytes, bytes.count, 0)
      return Array(bytes.prefix(max(count, 0)))
    }
    return contents[0] == contents[1]
  }

  /// Makes one operation; both files must answer alike. Returns what it was.
  mutating func step() throws -> String {
    let offset = random.oneIn(3) ? random.below(37) * 8192 : random.below(Self.byteCountMax)
    let count = 1 + random.below(random.oneIn(4) ? 100_000 : 20_000)
    let kind = random.below(15)
    var answers: [Int] = []
    let bytes = random.bytes(count)
    let source = random.below(Self.byteCountMax)
    for (index, file) in files.enumerated() {
      answers.append(perform(kind, file, paths[index], offset, bytes, source))
    }
    let what = "operation \(kind) at \(offset) of \(count) from \(source): \(answers)"
    guard answers[0] == answers[1] else { throw Program.Failure(description: what) }
    return what
  }

  private func perform(
    _ kind: Int, _ file: Int32, _ path: String, _ offset: Int, _ bytes: [UInt8], _ source: Int
  ) -> Int {
    let count = bytes.count
    switch kind {
    case 0, 1, 2: return pwrite(file, bytes, count, offset)
    case 3: return Int(ftruncate(file, offset))
    case 4: return Int(truncate(path, (offset + count) % Self.byteCountMax))
    case 5: return Int(filecalls_fallocate(file, 3, Int64(offset), Int64(count)))
    case 6:
      return Int(
        filecalls_fallocate(file, count % 2 == 0 ? 0x10 : 0x11, Int64(offset), Int64(count)))
    case 7: return Int(filecalls_fallocate(file, Int32(count % 2), Int64(offset), Int64(count)))
    case 8: return writeMapped(file, offset, bytes)
    case 9:
      // Ranges that overlap are refused by both.
      return Int(filecalls_copy_range(file, Int64(source), file, Int64(offset), count))
    case 10: return append(path, bytes)
    case 11, 12: return direct(path, offset / 4096 * 4096, bytes, isWriting: kind == 11)
    case 13: return zerosOutsideData(file)
    default: return Int(fsync(file))
    }
  }

  private func append(_ path: String, _ bytes: [UInt8]) -> Int {
    let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    defer { Glibc.close(file) }
    guard lseek(file, 0, SEEK_END) < Self.byteCountMax else { return 0 }
    return write(file, bytes, bytes.count)
  }

  /// Reads or writes whole blocks past the kernel's cache. Returns what was read, in short.
  private func direct(_ path: String, _ offset: Int, _ bytes: [UInt8], isWriting: Bool) -> Int {
    let file = filecalls_open_direct(path, O_RDWR)
    let count = (bytes.count + 4095) / 4096 * 4096
    guard file >= 0, let buffer = aligned_alloc(4096, count) else { return -1 }
    defer {
      free(buffer)
      Glibc.close(file)
    }
    if isWriting {
      memset(buffer, Int32(bytes[0]), count)
      return pwrite(file, buffer, count, offset)
    }
    let read = pread(file, buffer, count, offset)
    return UnsafeRawBufferPointer(start: buffer, count: max(read, 0)).reduce(read) {
      $0 &* 31 &+ Int($1)
    }
  }

  /// Whether all that lies outside of what `SEEK_DATA` finds is zero.
  private func zerosOutsideData(_ file: Int32) -> Int {
    let end = Int64(lseek(file, 0, SEEK_END))
    var place: Int64 = 0
    while place < end {
      let data = filecalls_seek_data(file, place)
      let stop = data < 0 ? end : data
      var bytes = [UInt8](repeating: 1, count: Int(stop - place))
      let count = pread(file, &bytes, bytes.count, Int(place))
      guard count == bytes.count, bytes.allSatisfy({ $0 == 0 }) else { return -2 }
      place = data < 0 ? end : filecalls_seek_hole(file, data)
    }
    return 0
  }

  /// Writes as much as lies in the file through a memory map.
  private func writeMapped(_ file: Int32, _ offset: Int, _ bytes: [UInt8]) -> Int {
    let end = Int(lseek(file, 0, SEEK_END))
    let count = min(bytes.count, end - offset)
    guard count > 0, let map = mmap(nil, end, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      map != MAP_FAILED
    else { return 0 }
    bytes.withUnsafeBytes {
      map.advanced(by: offset).copyMemory(from: $0.baseAddress!, byteCount: count)
    }
    return Int(munmap(map, end)) + count
  }
}
