internal import CoppiceFormat

/// What the store took and had over time, with fewer samples the longer ago.
struct SpaceHistory: Sendable {
  private static let sampleCountMax = 2048
  private static let intervalNanoseconds: Int64 = 60_000_000_000

  private(set) var samples: [SpaceHints.Sample] = []

  /// Of any number of samples, in any order.
  init(_ samples: [SpaceHints.Sample] = []) {
    self.samples = samples.sorted { $0.time < $1.time }
    while self.samples.count > Self.sampleCountMax { thin() }
  }

  /// Whether the last sample is so old that one more is worth taking. A clock that was put back
  /// does not stop it.
  func wantsSample(at time: Int64) -> Bool {
    guard let last = samples.last else { return true }
    return time < last.time || time - last.time >= Self.intervalNanoseconds
  }

  /// Samples that a clock took which was ahead are dropped.
  mutating func add(_ sample: SpaceHints.Sample) {
    while let last = samples.last, last.time >= sample.time { samples.removeLast() }
    samples.append(sample)
    if samples.count > Self.sampleCountMax { thin() }
  }

  /// Drops every other sample of the older half, so that new ones stay close together.
  private mutating func thin() {
    let middle = samples.count / 2
    samples = samples.indices.filter { $0 >= middle || $0 & 1 == 0 }.map { samples[$0] }
  }
}
