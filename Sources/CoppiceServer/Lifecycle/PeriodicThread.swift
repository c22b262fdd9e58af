internal import Coppice
internal import CoppiceEngine
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import Logging

/// Does something each ten seconds until it is stopped.
final class PeriodicThread: Sendable {
  private static let intervalNanoseconds: UInt64 = 10_000_000_000

  private let stopping = StopFlag()
  private let thread: SystemThread

  /// - Parameters:
  ///   - work: returns what is wrong, in sentences, of which each is logged when it comes.
  ///   - aim: what it is about, for its failures.
  init(
    name: String, _ aim: String, logger: Logger,
    _ work: @escaping @Sendable () throws(StoreError) -> [String]
  ) throws(StoreError) {
    let stopping = stopping
    do throws(SystemError) {
      thread = try SystemThread(name: name, isBackground: true) {
        Self.run(aim, logger, stopping, work)
      }
    } catch {
      throw StoreError(error, while: "starting a thread")
    }
  }

  /// Returns once nothing is done any more.
  func stop() {
    stopping.set()
    thread.join()
  }

  private static func run(
    _ aim: String, _ logger: Logger, _ stopping: StopFlag,
    _ work: () throws(StoreError) -> [String]
  ) {
    // An error or a pause is told when it comes, not each ten seconds.
    var told: [String] = []
    repeat {
      var news: [String] = []
      do throws(StoreError) { news = try work() } catch {
        news = ["\(aim) failed: \(error.commandText)"]
      }
      for text in news where !told.contains(text) { logger.warning("\(text)") }
      told = news
    } while !stopping.wait(nanoseconds: intervalNanoseconds)
  }
}

/// Says once that something is to stop.
private final class StopFlag: @unchecked Sendable {
  private let monitor = Monitor()
  private var isSet = false

  func set() {
    monitor.withLock {
      isSet = true
      monitor.broadcast()
    }
  }

  /// Waits so long, or until it is set; returns whether it is.
  func wait(nanoseconds: UInt64) -> Bool {
    let clock = SystemClock()
    let end = clock.monotonicNanoseconds() + nanoseconds
    return monitor.withLock {
      while !isSet, monitor.wait(untilMonotonicNanoseconds: end) {}
      return isSet
    }
  }
}
