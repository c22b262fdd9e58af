internal import Coppice
internal import Glibc
internal import Synchronization

/// A durable fork against an append of 4 KiB and fdatasync to a plain file beside the store.
struct ForkBenchmark {
  let workspace: Workspace
  private static let roundCount = 5
  private static let perRound = 40

  func run() throws {
    let store = try Store.create(at: workspace.fresh("fork"))
    defer { try? store.close() }
    let branch = try store.createBranch("main")
    let file = try branch.open(branch.createFile("data", in: .root).file)
    defer { file.close() }
    try fill(file, pages: 0..<1280)
    try compare(store, "1 branch, 10 MB", prefix: "a")
    try compare(store, "1 branch, 10 MB, a writer beside", prefix: "b", writer: file)
    try addBranches(store, upTo: 10_000)
    try compare(store, "10,000 branches", prefix: "c")
    try compare(store, "10,000 branches, a writer beside", prefix: "d", writer: file)
    let pageCount = Self.largePageCount
    try fill(file, pages: 1280..<pageCount)
    let size = megabytes(pageCount * PageContent.byteCount)
    try compare(store, "10,000 branches, \(size)", prefix: "e")
  }

  /// 10 GB: a fork's cost cannot depend on the data below it, which it never looks at.
  private static let largePageCount = 1_310_720

  private func fill(_ file: File, pages: Range<Int>) throws {
    let content = PageMemory.filled(pageCount: 256, seed: 1)
    for page in pages {
      content[page % 256].storeBytes(of: UInt64(page), toByteOffset: 512, as: UInt64.self)
      try file.write(
        at: UInt64(page * PageContent.byteCount), UnsafeRawBufferPointer(content[page % 256]))
    }
    try file.flush()
  }

  private func addBranches(_ store: Store, upTo count: Int) throws {
    let rest = max(0, try count - store.entries().count)
    let start = seconds()
    for index in 0..<rest { try store.createBranch("many-\(index)", from: "main") }
    report(
      "fork, one after the other", "\(rest) forks in \(format(seconds() - start)) s")
  }

  private func compare(
    _ store: Store, _ item: String, prefix: String, writer: File? = nil
  ) throws {
    let background = writer.map { BackgroundWriter($0) }
    defer { background?.stop() }
    let plain = open("\(workspace.path)/plain", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0o644)
    defer { close(plain) }
    let block = PageMemory()
    var bare = Samples()
    var forks = Samples()
    for round in 0..<Self.roundCount {
      for _ in 0..<Self.perRound {
        bare.add(
          measure {
            let count = write(plain, block.bytes.baseAddress, 4096)
            precondition(count == 4096 && fdatasync(plain) == 0)
          })
      }
      for index in 0..<Self.perRound {
        forks.add(
          try measure { try store.createBranch("\(prefix)-\(round)-\(index)", from: "main") })
      }
    }
    report(
      "fork, \(item)",
      "coppice \(microseconds(forks.median)) (90 %: \(microseconds(forks.quantile(0.9)))), "
        + "append + fdatasync \(microseconds(bare.median)) "
        + "(90 %: \(microseconds(bare.quantile(0.9))))",
      ratio: forks.median / bare.median, goal: .atMost(2))
  }
}

/// Writes random pages, with a flush after every 32, until it is stopped.
final class BackgroundWriter: Sendable {
  private let isStopped = Atomic<Bool>(false)
  private let thread = Mutex<pthread_t?>(nil)

  init(_ file: File) {
    let started = startThread { [self] in
      let content = PageMemory.filled(pageCount: 64, seed: 2)
      var random = Random(3)
      while !isStopped.load(ordering: .relaxed) {
        for _ in 0..<32 {
          let page = content[random.next(below: 64)]
          PageContent.update(page, &random)
          let offset = random.next(below: 1280) * PageContent.byteCount
          try? file.write(at: UInt64(offset), UnsafeRawBufferPointer(page))
        }
        try? file.flush()
      }
    }
    thread.withLock { $0 = started }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    let started = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let started { pthread_join(started, nil) }
  }
}
