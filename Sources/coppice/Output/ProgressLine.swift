internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer
internal import Synchronization

/// One line on the terminal's standard error that shows how far long work is. Writes nothing where
/// standard error is no terminal.
final class ProgressLine: Sendable {
  private struct State {
    var lastDrawn: UInt64
    var width = 0
    var hasBegun = false
    /// Draws the line as long as there is nothing to tell.
    var waiting: SystemThread?
  }

  private let label: String
  private let clock = SystemClock()
  private let start: UInt64
  private let state: Mutex<State>
  private let monitor = Monitor()

  /// `nil` where nobody would see the line. Until the first byte has come it says that `source`, if
  /// there is one, is waited for.
  init?(_ label: String, isJSON: Bool, waitingFor source: String? = nil) {
    guard StandardStream.standardError.isTerminal, !isJSON else { return nil }
    self.label = label
    start = clock.monotonicNanoseconds()
    state = Mutex(State(lastDrawn: start))
    guard let source else { return }
    // Without the thread the work is the same.
    let thread = try? SystemThread(name: "progress") { [weak self] in
      while self?.drawWaiting(for: source) ?? false {}
    }
    state.withLock { $0.waiting = thread }
  }

  /// Waits half a second and says what is waited for; returns whether there is more to say.
  private func drawWaiting(for source: String) -> Bool {
    let now = clock.monotonicNanoseconds()
    monitor.withLock { _ = monitor.wait(untilMonotonicNanoseconds: now + 500_000_000) }
    return state.withLock { state in
      guard !state.hasBegun else { return false }
      let seconds = (clock.monotonicNanoseconds() - start) / 1_000_000_000
      draw(
        "\(label)  waiting for the first byte of \(source)  \(Self.minutes(Int(seconds)))", &state)
      return true
    }
  }

  private static func minutes(_ seconds: Int) -> String {
    let rest = seconds % 60
    return "\(seconds / 60):\(rest < 10 ? "0" : "")\(rest)"
  }

  /// Shows the state of the work, ten times a second at most. May be called from any thread.
  func update(_ progress: WorkProgress) {
    let now = clock.monotonicNanoseconds()
    state.withLock { state in
      guard now - state.lastDrawn >= 100_000_000 else { return }
      if case .transfer(let moved) = progress, moved.byteCount == 0, state.waiting != nil { return }
      state.hasBegun = true
      state.lastDrawn = now
      draw(Self.line(label, progress, nanoseconds: now - start), &state)
    }
  }

  private func draw(_ line: String, _ state: inout State) {
    let space = String(repeating: " ", count: max(0, state.width - line.count))
    state.width = line.count
    Output.write("\r\(line)\(space)", to: .standardError)
  }

  /// Takes the line away.
  func finish() {
    state.withLock { state in
      state.hasBegun = true
      guard state.width > 0 else { return }
      Output.write("\r\(String(repeating: " ", count: state.width))\r", to: .standardError)
      state.width = 0
    }
  }

  private static func line(
    _ label: String, _ progress: WorkProgress, nanoseconds: UInt64
  ) -> String {
    switch progress {
    case .transfer(let moved):
      transferLine(label, moved.byteCount, of: moved.expectedByteCount, nanoseconds)
    case .check(let reached):
      "\(label)  \(reached.stage.rawValue)  \(reached.doneCount) of \(reached.totalCount)"
    case .scrub(let read):
      "\(label)  \(Output.bytes(read.byteCount)) of \(Output.bytes(read.totalByteCount))  "
        + Output.count(read.findingCount, "finding")
    case .collection(let reached): "\(label)  \(collectionText(reached))"
    case .step(let progress): "\(label)  \(progress.step)"
    }
  }

  private static func collectionText(_ reached: CollectionProgress) -> String {
    switch reached.stage {
    case .marking: "marking  \(Output.count(reached.count, "node"))"
    case .counting: "counting"
    case .copying: "copying  \(Output.count(reached.count, "bundle"))"
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
      line += "  \(minutes(seconds)) left"
    }
    return line
  }
}
