internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Logging

/// Runs a reaper's passes one behind the other until it is stopped.
final class ReaperThread: Sendable {
  private static let intervalNanoseconds: UInt64 = 10_000_000_000

  private let stopping = StopFlag()
  private let thread: SystemThread

  init(_ reaper: Reaper, logger: Logger) throws(StoreError) {
    let stopping = stopping
    do throws(SystemError) {
      thread = try SystemThread(name: "reaper", isBackground: true) {
        Self.run(reaper, logger, stopping)
      }
    } catch {
      throw StoreError(error, while: "starting a thread")
    }
  }

  /// Returns once no pass runs any more.
  func stop() {
    stopping.set()
    thread.join()
  }

  private static func run(_ reaper: Reaper, _ logger: Logger, _ stopping: StopFlag) {
    // An error or a pause is told when it comes, not each ten seconds.
    var told: [String] = []
    repeat {
      var news: [String] = []
      do throws(StoreError) {
        news = try reaper.run().pauses.map { "ends are paused: \($0)" }
      } catch {
        news = ["looking for ends failed: \(error)"]
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
