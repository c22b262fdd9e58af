internal import CoppicePlatform
internal import CoppiceServer
internal import Synchronization

/// One line on the terminal's standard error that shows how far long work is. Writes nothing where
/// standard error is no terminal.
final class ProgressLine: Sendable {
  private struct State {
    var lastDrawn: UInt64
    var width = 0
  }

  private let label: String
  private let clock = SystemClock()
  private let start: UInt64
  private let state: Mutex<State>

  /// `nil` where nobody would see the line.
  init?(_ label: String, isJSON: Bool) {
    guard StandardStream.standardError.isTerminal, !isJSON else { return nil }
    self.label = label
    start = clock.monotonicNanoseconds()
    state = Mutex(State(lastDrawn: start))
  }

  /// Shows the state of the work, ten times a second at most. May be called from any thread.
  func update(_ progress: WorkProgress) {
    let now = clock.monotonicNanoseconds()
    state.withLock { state in
      guard now - state.lastDrawn >= 100_000_000 else { return }
      state.lastDrawn = now
      let line = Self.line(label, progress, nanoseconds: now - start)
      let space = String(repeating: " ", count: max(0, state.width - line.count))
      state.width = line.count
      Output.write("\r\(line)\(space)", to: .standardError)
    }
  }

  /// Takes the line away.
  func finish() {
    state.withLock { state in
      guard state.width > 0 else { return }
      Output.write("\r\(String(repeating: " ", count: state.width))\r", to: .standardError)
      state.width = 0
    }
  }

  private static func line(
    _ label: String, _ progress: WorkProgress, nanoseconds: UInt64
  ) -> String {
    switch progress {
    case .transfer(let byteCount, let expected):
      transferLine(label, byteCount, of: expected, nanoseconds)
    case .check(let stage, let doneCount, let totalCount):
      "\(label)  \(stage)  \(doneCount) of \(totalCount)"
    case .scrub(let byteCount, let totalByteCount, let findingCount):
      "\(label)  \(Output.bytes(byteCount)) of \(Output.bytes(totalByteCount))  "
        + Output.count(findingCount, "finding")
    }
  }

  /// Bytes, rate and time left.
  private static func transferLine(
    _ label: String, _ done: UInt64, of total: UInt64?, _ nanoseconds: UInt64
  ) -> String {
    let rate = Double(done) / (Double(max(nanoseconds, 1)) / 1e9)
    let speed = "\(Output.bytes(UInt64(rate)))/s"
    guard let total, total > 0 else { return "\(label)  \(Output.bytes(done))  \(speed)" }
    let part = min(100, Int(Double(done) / Double(total) * 100))
    var line = "\(label)  \(Output.bytes(done)) of \(Output.bytes(total))  \(part) %  \(speed)"
    if rate > 0, done < total {
      let seconds = Int((Double(total - done) / rate).rounded(.up))
      let rest = seconds % 60
      line += "  \(seconds / 60):\(rest < 10 ? "0" : "")\(rest) left"
    }
    return line
  }
}
