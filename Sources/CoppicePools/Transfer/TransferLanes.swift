internal import CoppiceErrors
internal import CoppicePlatform

/// Threads that do what waits for an object store while others go on.
///
/// The first job that fails ends all: those that wait are dropped, and whoever asks for more hears
/// of it. One thread asks.
final class TransferLanes: Sendable {
  typealias Job = @Sendable () throws(StoreError) -> Void

  private final class Shared: @unchecked Sendable {
    let monitor = Monitor()
    // Guarded by the monitor.
    var jobs: [(byteCount: Int, body: Job)] = []
    var byteCount = 0
    var failure: StoreError?
    var isStopped = false
  }

  private let shared = Shared()
  private let threads: [SystemThread]
  private let byteCountMax: Int

  /// - Parameter byteCountMax: of jobs that run or wait together; one may be larger.
  init(count: Int, byteCountMax: Int) throws(StoreError) {
    self.byteCountMax = byteCountMax
    var threads: [SystemThread] = []
    do throws(SystemError) {
      for index in 0..<count {
        threads.append(
          try SystemThread(name: "transfer \(index)") { [shared] in Self.run(shared) })
      }
    } catch {
      Self.stop(shared, threads)
      throw .noThread(error)
    }
    self.threads = threads
  }

  // The last one to hold this may be one of the threads.
  deinit { Self.stop(shared, []) }

  /// Has a job done, and waits while there is more to do than there is room for. Throws what an
  /// earlier one threw.
  func add(_ byteCount: Int, _ body: @escaping Job) throws(StoreError) {
    try shared.monitor.withLock { () throws(StoreError) in
      while shared.failure == nil, shared.byteCount > 0,
        shared.byteCount + byteCount > byteCountMax
      {
        shared.monitor.wait()
      }
      if let failure = shared.failure { throw failure }
      shared.byteCount += byteCount
      shared.jobs.append((byteCount, body))
      shared.monitor.broadcast()
    }
  }

  /// Waits until all is done. Throws the first failure.
  func finish() throws(StoreError) {
    try shared.monitor.withLock { () throws(StoreError) in
      while shared.byteCount > 0 { shared.monitor.wait() }
      if let failure = shared.failure { throw failure }
    }
  }

  private static func run(_ shared: Shared) {
    while let job = take(shared) {
      var failure: StoreError?
      do throws(StoreError) { try job.body() } catch { failure = error }
      shared.monitor.withLock {
        shared.byteCount -= job.byteCount
        if let failure, shared.failure == nil { shared.failure = failure }
        if shared.failure != nil { drop(shared) }
        shared.monitor.broadcast()
      }
    }
  }

  private static func take(_ shared: Shared) -> (byteCount: Int, body: Job)? {
    shared.monitor.withLock {
      while shared.jobs.isEmpty, !shared.isStopped { shared.monitor.wait() }
      return shared.jobs.isEmpty ? nil : shared.jobs.removeFirst()
    }
  }

  /// The caller holds the monitor.
  private static func drop(_ shared: Shared) {
    shared.byteCount -= shared.jobs.reduce(0) { $0 + $1.byteCount }
    shared.jobs = []
  }

  private static func stop(_ shared: Shared, _ threads: [SystemThread]) {
    shared.monitor.withLock {
      shared.isStopped = true
      drop(shared)
      shared.monitor.broadcast()
    }
    for thread in threads { thread.join() }
  }
}
