internal import CoppiceEngine
internal import CoppicePlatform

/// Threads that take jobs from a bounded queue, each with a buffer of one leaf's pages.
///
/// The first failure stops the queue: jobs that wait are dropped, and every later call throws it.
final class TransferQueue: Sendable {
  typealias Job = @Sendable (_ buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Void

  private let state: State
  private let threads: [SystemThread]
  /// Jobs that wait or run, at most.
  let jobCountMax: Int

  /// `bufferByteCount` is what each job is handed; `waitingCountMax` bounds what waits.
  init(
    threadCount: Int, waitingCountMax: Int, bufferByteCount: Int
  ) throws(StoreError) {
    let state = State(waitingCountMax: waitingCountMax)
    self.state = state
    jobCountMax = max(1, threadCount) + waitingCountMax
    var threads: [SystemThread] = []
    do throws(SystemError) {
      for index in 0..<max(1, threadCount) {
        threads.append(
          try SystemThread(name: "transfer \(index)") {
            let buffer = AlignedBuffer(byteCountMin: bufferByteCount)
            buffer.extend(bufferByteCount)
            state.work(buffer.mutableContents)
          })
      }
    } catch {
      state.close()
      for thread in threads { thread.join() }
      throw StoreError(error, while: "starting a thread")
    }
    self.threads = threads
  }

  deinit {
    state.close()
    for thread in threads { thread.join() }
  }

  /// Adds a job; waits while the queue is full.
  func submit(_ job: @escaping Job) throws(StoreError) { try state.submit(job) }

  /// Waits until all jobs are done.
  func finish() throws(StoreError) { try state.finish() }

  /// Drops what waits, lets jobs that run come to their end, and returns what the transfer failed
  /// of: `error`, or what a job says better.
  func cancel(because error: StoreError) -> StoreError {
    state.fail(error)
    do throws(StoreError) {
      try state.finish()
      return error
    } catch {
      return error
    }
  }

  /// Throws the first failure, if there was one.
  func check() throws(StoreError) { try state.check() }
}

private final class State: @unchecked Sendable {
  private let monitor = Monitor()
  private let waitingCountMax: Int
  private var waiting: [TransferQueue.Job] = []
  private var runningCount = 0
  private var failure: StoreError?
  private var isClosed = false

  init(waitingCountMax: Int) { self.waitingCountMax = waitingCountMax }

  func submit(_ job: @escaping TransferQueue.Job) throws(StoreError) {
    try monitor.withLock { () throws(StoreError) in
      while waiting.count >= waitingCountMax, failure == nil { monitor.wait() }
      if let failure { throw failure }
      waiting.append(job)
      monitor.broadcast()
    }
  }

  func finish() throws(StoreError) {
    try monitor.withLock { () throws(StoreError) in
      while !waiting.isEmpty || runningCount > 0 { monitor.wait() }
      if let failure { throw failure }
    }
  }

  func check() throws(StoreError) {
    try monitor.withLock { () throws(StoreError) in
      if let failure { throw failure }
    }
  }

  func fail(_ error: StoreError) {
    monitor.withLock {
      // One job's full disk is for the others a segment that cannot be used any more.
      if failure == nil || failure?.kind == .unavailable { failure = error }
      waiting.removeAll()
      monitor.broadcast()
    }
  }

  func close() {
    monitor.withLock {
      isClosed = true
      waiting.removeAll()
      monitor.broadcast()
    }
  }

  func work(_ buffer: UnsafeMutableRawBufferPointer) {
    while let job = take() {
      do throws(StoreError) {
        try job(buffer)
      } catch {
        fail(error)
      }
      monitor.withLock {
        runningCount -= 1
        monitor.broadcast()
      }
    }
  }

  private func take() -> TransferQueue.Job? {
    monitor.withLock {
      while waiting.isEmpty, !isClosed { monitor.wait() }
      guard !waiting.isEmpty else { return nil }
      runningCount += 1
      defer { monitor.broadcast() }
      return waiting.removeFirst()
    }
  }
}
