internal import Synchronization

/// Threads that share the work of loops whose turns are independent.
///
/// A caller works on its own loop as well, so a loop always moves on, also inside the body of
/// another one, and a pool without threads runs every loop in order on the caller.
public final class WorkerPool: Sendable {
  private let shared: Shared
  private let threads: [SystemThread]

  /// - Parameters:
  ///   - threadCount: threads besides the callers; 0 makes every loop run inline and in order.
  ///   - isBackground: the threads give way to others of the machine.
  /// - Throws: `EAGAIN` when the machine has no room for the threads.
  public init(threadCount: Int, name: String = "worker", isBackground: Bool = false)
    throws(SystemError)
  {
    let shared = Shared()
    self.shared = shared
    var threads: [SystemThread] = []
    do throws(SystemError) {
      for index in 0..<threadCount {
        threads.append(
          try SystemThread(name: "\(name) \(index)", isBackground: isBackground) { shared.run() })
      }
    } catch {
      shared.stop(threads)
      throw error
    }
    self.threads = threads
  }

  deinit { shared.stop(threads) }

  /// Threads besides the callers.
  public var threadCount: Int { threads.count }

  /// Calls `body` once for each index below `count`, from this thread and free threads of the pool,
  /// and returns when all calls have returned. May be called by several threads at once and inside
  /// `body`.
  public func perform(count: Int, _ body: @Sendable (_ index: Int) -> Void) {
    guard count > 1, !threads.isEmpty else {
      for index in 0..<max(count, 0) { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      let loop = Loop(count: count, body: body)
      shared.start(loop)
      loop.work()
      shared.finish(loop)
    }
  }
}

/// One call of `perform`.
private final class Loop: @unchecked Sendable {
  private let next = Atomic<Int>(0)
  private let count: Int
  /// Dropped before `perform` returns, which it must not outlive.
  private var body: (@Sendable (Int) -> Void)?
  /// Threads of the pool inside `work`; guarded by the pool's monitor.
  var workerCount = 0

  init(count: Int, body: @escaping @Sendable (Int) -> Void) {
    self.count = count
    self.body = body
  }

  /// Takes turns until none is left.
  func work() {
    guard let body else { return }
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      if index >= count { return }
      body(index)
    }
  }

  /// Called when no thread is inside `work` or can come to it.
  func dropBody() { body = nil }
}

/// What the pool's threads look at; they keep it alive, not the pool.
private final class Shared: @unchecked Sendable {
  private let arrivals = Monitor()
  private let departures = Monitor()
  /// Loops that may have turns left, oldest first; guarded by `arrivals`.
  private var loops: [Loop] = []
  private var isStopped = false

  func run() {
    while let loop = take() {
      loop.work()
      leave(loop)
    }
  }

  /// Waits for a loop with turns left; `nil` when the pool is stopped.
  private func take() -> Loop? {
    arrivals.withLock {
      while loops.isEmpty, !isStopped { arrivals.wait() }
      guard !isStopped, let loop = loops.first else { return nil }
      loop.workerCount += 1
      return loop
    }
  }

  private func leave(_ loop: Loop) {
    let isLast = arrivals.withLock {
      loops.removeAll { $0 === loop }
      loop.workerCount -= 1
      return loop.workerCount == 0
    }
    if isLast { departures.withLock { departures.broadcast() } }
  }

  func start(_ loop: Loop) {
    arrivals.withLock {
      loops.append(loop)
      arrivals.broadcast()
    }
  }

  /// Returns when no thread works on the loop any more.
  func finish(_ loop: Loop) {
    departures.withLock {
      while !isIdle(loop) { departures.wait() }
    }
    loop.dropBody()
  }

  private func isIdle(_ loop: Loop) -> Bool {
    arrivals.withLock {
      loops.removeAll { $0 === loop }
      return loop.workerCount == 0
    }
  }

  func stop(_ threads: [SystemThread]) {
    arrivals.withLock {
      isStopped = true
      arrivals.broadcast()
    }
    for thread in threads { thread.join() }
  }
}
