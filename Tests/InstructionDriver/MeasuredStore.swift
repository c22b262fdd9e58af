internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform
internal import TestSupport

/// A store that one thread drives, with a branch `main` of one volume.
struct MeasuredStore {
  static let volume = VolumeNumber(1)
  static let pageByteCount = 8192
  static let pageCount = 2048

  let engine: Engine
  let main: EngineBranch
  private var random = SplitMix64(seed: 42)
  private let memory = AlignedBuffer(byteCountMin: pageByteCount)

  /// Makes the store in a new directory.
  init(in directory: String, _ path: HotPath) throws {
    var options = EngineOptions()
    options.usesThreads = false
    options.workerCount = 0
    if path == .readMiss { options.pageCacheByteCount = 1 << 20 }
    let disk = try DirectoryDisk(path: directory, creating: true)
    let clock = SystemClock()
    var secret = SplitMix64(seed: 7)
    try Engine.create(disk: disk, clock: clock, options: options) { secret.bytes($0) }
    engine = try Engine.open(disk: disk, clock: clock, options: options)
    main = try engine.branches.create(named: "main", domain: .standard)
  }

  private var page: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: memory.bytes, count: Self.pageByteCount)
  }

  /// New content for pages of a branch; in the journal, not sealed.
  mutating func fill(_ pages: Range<Int>, of branch: EngineBranch) throws(StoreError) {
    for number in pages {
      for offset in stride(from: 0, to: Self.pageByteCount, by: 32) {
        page.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        // Words that come again, as in rows of a table.
        for word in 1..<4 {
          let text = UInt64(0x6563_6970_706F_6300) + random.next() % 64
          page.storeBytes(of: text, toByteOffset: offset + word * 8, as: UInt64.self)
        }
      }
      try write(number, to: branch)
    }
  }

  /// Changes every page of a range a little, as an updated row does.
  mutating func update(_ pages: some Sequence<Int>, of branch: EngineBranch) throws(StoreError) {
    for number in pages {
      try read(number, of: branch)
      for _ in 0..<4 {
        let word = random.below(Self.pageByteCount / 8)
        page.storeBytes(of: random.next(), toByteOffset: word * 8, as: UInt64.self)
      }
      try write(number, to: branch)
    }
  }

  @inline(__always)
  func write(_ number: Int, to branch: EngineBranch) throws(StoreError) {
    _ = try branch.write(
      Self.volume, at: UInt64(number * Self.pageByteCount), UnsafeRawBufferPointer(page), time: 1)
  }

  @inline(__always)
  func read(_ number: Int, of branch: EngineBranch) throws(StoreError) {
    let count = try branch.read(
      Self.volume, at: UInt64(number * Self.pageByteCount), into: page)
    precondition(count == Self.pageByteCount, "a page was read in part")
  }

  /// Numbers of pages in the order of a generator.
  mutating func pages(_ count: Int, below limit: Int) -> [Int] {
    (0..<count).map { _ in random.below(limit) }
  }
}
