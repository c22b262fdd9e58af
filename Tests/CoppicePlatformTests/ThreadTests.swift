internal import CoppicePlatform
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite struct ThreadTests {
  @Test func `a monitor lets one thread in at a time`() throws {
    let monitor = Monitor()
    let counter = UnsafeCounter()
    let threads = try (0..<4).map { number in
      try SystemThread(name: "count \(number)") {
        for _ in 0..<10_000 { monitor.withLock { counter.value += 1 } }
      }
    }
    for thread in threads { thread.join() }
    #expect(monitor.withLock { counter.value } == 40_000)
  }

  @Test func `a waiting thread goes on when it is woken`() throws {
    let monitor = Monitor()
    let turn = UnsafeCounter()
    // Two threads take a hundred turns each; every turn waits for the other's.
    let threads = try (0..<2).map { number in
      try SystemThread(name: "turn \(number)") {
        for _ in 0..<100 {
          monitor.withLock {
            while turn.value % 2 != number { monitor.wait() }
            turn.value += 1
            monitor.broadcast()
          }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(monitor.withLock { turn.value } == 200)
  }

  @Test func `waiting for a time that has passed returns unwoken`() {
    let monitor = Monitor()
    let past = SystemClock().monotonicNanoseconds() - 1
    #expect(monitor.withLock { !monitor.wait(untilMonotonicNanoseconds: past) })
  }

  @Test func `an error leaves a monitor unlocked`() {
    let monitor = Monitor()
    #expect(throws: SystemError.self) {
      try monitor.withLock { () throws(SystemError) in
        throw SystemError(call: "test", path: "", code: 1)
      }
    }
    monitor.withLock {}
  }

  @Test(arguments: [0, 1, 3])
  func `a loop calls its body once for each index`(threadCount: Int) throws {
    let pool = try WorkerPool(threadCount: threadCount)
    #expect(pool.threadCount == threadCount)
    for count in [0, 1, 2, 7, 1000] {
      let seen = Mutex<[Int]>([])
      pool.perform(count: count) { index in seen.withLock { $0.append(index) } }
      #expect(seen.withLock { $0.sorted() } == Array(0..<count))
    }
  }

  @Test func `without threads a loop runs in order`() throws {
    let seen = Mutex<[Int]>([])
    try WorkerPool(threadCount: 0).perform(count: 50) { index in
      seen.withLock { $0.append(index) }
    }
    #expect(seen.withLock { $0 } == Array(0..<50))
  }

  @Test func `loops run inside loops and from several threads at once`() throws {
    let pool = try WorkerPool(threadCount: 2)
    let sum = Atomic<Int>(0)
    let done = Atomic<Int>(0)
    try onThreads(3) {
      for _ in 0..<50 {
        pool.perform(count: 5) { outer in
          pool.perform(count: 4) { inner in
            sum.add(outer * 4 + inner, ordering: .relaxed)
          }
        }
        done.add(1, ordering: .relaxed)
      }
    }
    #expect(done.load(ordering: .relaxed) == 150)
    #expect(sum.load(ordering: .relaxed) == 150 * 190)
  }

  @Test func `page buffers are aligned, apart and used again`() {
    let pool = PageBufferPool(pageByteCount: 8192)
    var pages = (0..<600).map { _ in pool.acquire() }
    for (index, page) in pages.enumerated() {
      #expect(UInt(bitPattern: page.bytes) % 4096 == 0)
      page.bytes.initializeMemory(as: UInt16.self, repeating: UInt16(index), count: 4096)
    }
    for (index, page) in pages.enumerated() {
      #expect(page.contents.bindMemory(to: UInt16.self).allSatisfy { $0 == UInt16(index) })
    }
    #expect(pool.byteCountInUse == 600 * 8192)
    #expect(pool.byteCountHeld == 3 * PageBufferPool.slabByteCount)
    pages = []
    #expect(pool.byteCountInUse == 0)
    pages = (0..<600).map { _ in pool.acquireZeroed() }
    #expect(pages.allSatisfy { $0.contents.allSatisfy { $0 == 0 } })
    #expect(pool.byteCountHeld == 3 * PageBufferPool.slabByteCount)
  }

  @Test func `page buffers pass between threads without mixing`() throws {
    let pool = PageBufferPool(pageByteCount: 4096)
    let passed = Mutex<[PageBuffer]>([])
    let wrong = Atomic<Int>(0)
    try onThreads(4) {
      for round in 0..<2000 as Range<UInt64> {
        let page = pool.acquire()
        page.bytes.storeBytes(of: round, as: UInt64.self)
        page.bytes.storeBytes(of: round, toByteOffset: 4088, as: UInt64.self)
        let taken = passed.withLock { pages -> PageBuffer? in
          defer { pages.append(page) }
          return pages.count > 20 ? pages.removeFirst() : nil
        }
        guard let taken else { continue }
        let first = taken.bytes.load(as: UInt64.self)
        let last = taken.bytes.load(fromByteOffset: 4088, as: UInt64.self)
        if first != last { wrong.add(1, ordering: .relaxed) }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
    passed.withLock { $0 = [] }
    #expect(pool.byteCountInUse == 0)
  }

  @Test func `an aligned buffer keeps its bytes when it grows`() {
    var generator = SplitMix64(seed: 2)
    let buffer = AlignedBuffer(byteCountMin: 1)
    var expected: [UInt8] = []
    for _ in 0..<50 {
      let part = generator.bytes(generator.below(1000))
      part.withUnsafeBytes { buffer.append($0) }
      expected += part
      if generator.oneIn(5) {
        buffer.pad(to: 64)
        expected += [UInt8](repeating: 0, count: -expected.count & 63)
      }
    }
    #expect(buffer.contents.elementsEqual(expected))
    #expect(UInt(bitPattern: buffer.bytes) % 4096 == 0)
    buffer.removeAll(from: 10)
    #expect(buffer.contents.elementsEqual(expected[..<10]))
  }
}

/// Runs `body` on that many threads and waits for all.
private func onThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
  let threads = try (0..<count).map { try SystemThread(name: "test \($0)", body: body) }
  for thread in threads { thread.join() }
}

/// A number that only the lock around it protects.
private final class UnsafeCounter: @unchecked Sendable {
  var value = 0
}
