package import Coppice
internal import NIOConcurrencyHelpers
internal import NIOPosix
internal import Synchronization

/// The requests that are being carried out, each by a thread of a pool of its own: the store
/// blocks, and the threads that serve connections must not.
package final class RunningWorks: Sendable {
  /// Requests beyond this many wait.
  private static let threadCount = 16

  private struct State {
    var works: [ObjectIdentifier: Work] = [:]
    /// Set once the server stops.
    var ending: StoreError?
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let pool = NIOThreadPool(numberOfThreads: threadCount)
  /// For requests that are answered however much other work there is.
  private let briefPool = NIOThreadPool(numberOfThreads: 1)
  private let state = Mutex(State())

  package init() {
    pool.start()
    briefPool.start()
  }

  var count: Int { state.withLock { $0.works.count } }

  /// Runs `body` on a thread that may block; a brief one waits for brief ones only.
  package func run<Answer: Sendable>(
    _ work: Work, isBrief: Bool = false, _ body: @escaping @Sendable () throws(StoreError) -> Answer
  ) async -> Result<Answer, StoreError> {
    let ending = state.withLock { state in
      if state.ending == nil { state.works[ObjectIdentifier(work)] = work }
      return state.ending
    }
    if let ending { return .failure(ending) }
    defer { finish(work) }
    do {
      return try await (isBrief ? briefPool : pool).runIfActive { Self.outcome(of: work, body) }
    } catch {
      return .failure(Self.ended)
    }
  }

  private static func outcome<Answer>(
    of work: Work, _ body: () throws(StoreError) -> Answer
  ) -> Result<Answer, StoreError> {
    if let reason = work.reason { return .failure(reason) }
    do throws(StoreError) {
      return .success(try body())
    } catch {
      // Work that was called off knows why better than what gave it up.
      return .failure(error.kind == .unavailable ? work.reason ?? error : error)
    }
  }

  private func finish(_ work: Work) {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.works[ObjectIdentifier(work)] = nil
      guard state.works.isEmpty else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Takes no more requests, and asks those that run to end: short ones will all the same come to
  /// their end and be answered.
  func cancelAll() {
    let works = state.withLock { state in
      state.ending = Self.ended
      return Array(state.works.values)
    }
    for work in works { work.cancel(because: Self.ended) }
  }

  /// Returns when no request is being carried out. After `cancelAll`.
  func waitUntilIdle() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        guard !state.works.isEmpty else { return true }
        state.waiter = continuation
        return false
      }
      if isIdle { continuation.resume() }
    }
    try? await pool.shutdownGracefully()
    try? await briefPool.shutdownGracefully()
  }

  private static var ended: StoreError {
    StoreError(
      .unavailable, "the server is stopping",
      remedy: "ask again: a store without a server is used directly")
  }
}
