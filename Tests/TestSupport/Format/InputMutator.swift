/// Makes broken inputs out of good ones, the same in every run.
public struct InputMutator: Sendable {
  private static let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF]

  private var random: SplitMix64
  private let samples: [[UInt8]]

  public init(seed: UInt64, samples: [[UInt8]]) {
    random = SplitMix64(seed: seed)
    self.samples = samples
  }

  /// The next input: a sample after one to four mutations.
  public mutating func next() -> [UInt8] {
    var bytes = samples[random.below(samples.count)]
    for _ in 0...random.below(4) { mutate(&bytes) }
    return bytes
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = random.bytes(1 + random.below(64))
      return
    }
    // Half of the time near the beginning, where headers are.
    let index = random.below(random.bool() ? min(96, bytes.count) : bytes.count)
    switch random.below(7) {
    case 0: bytes[index] ^= 1 << UInt8(random.below(8))
    case 1: bytes[index] = Self.interesting[random.below(Self.interesting.count)]
    case 2: bytes[index] = UInt8(truncatingIfNeeded: random.next())
    case 3:
      for offset in index..<min(index + 4, bytes.count) { bytes[offset] = random.bool() ? 0xFF : 0 }
    case 4: bytes.removeLast(random.below(bytes.count))
    case 5: bytes.insert(contentsOf: random.bytes(1 + random.below(8)), at: index)
    default: bytes.removeSubrange(index..<min(index + 1 + random.below(8), bytes.count))
    }
  }
}
