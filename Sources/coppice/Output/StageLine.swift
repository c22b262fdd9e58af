internal import CoppiceEngine
internal import CoppicePlatform

/// One line on the terminal that shows how far a check is. Used by one thread.
final class StageLine {
  private var width = 0
  private var lastDrawn: UInt64 = 0
  private let clock = SystemClock()

  /// `nil` where nobody would see it.
  init?(isJSON: Bool) {
    guard StandardStream.standardError.isTerminal, !isJSON else { return nil }
  }

  func update(_ progress: CheckProgress) {
    draw("check  \(progress.stage.rawValue)  \(progress.doneCount) of \(progress.totalCount)")
  }

  func draw(_ line: String) {
    let now = clock.monotonicNanoseconds()
    guard now - lastDrawn >= 100_000_000 else { return }
    lastDrawn = now
    let space = String(repeating: " ", count: max(0, width - line.count))
    width = line.count
    Output.write("\r\(line)\(space)", to: .standardError)
  }

  func finish() {
    guard width > 0 else { return }
    Output.write("\r\(String(repeating: " ", count: width))\r", to: .standardError)
    width = 0
  }
}
