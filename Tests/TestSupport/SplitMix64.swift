/// A small deterministic generator of random numbers: the same seed gives the same numbers for
/// ever. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
public struct SplitMix64: RandomNumberGenerator, Hashable, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number below `limit`, which must be positive.
  public mutating func below(_ limit: Int) -> Int { Int(next(upperBound: UInt64(limit))) }

  /// True once in `count` times.
  public mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  public mutating func bool() -> Bool { next() & 1 == 1 }

  /// That many random bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      var index = 0
      while index + 8 <= count {
        raw.storeBytes(of: next(), toByteOffset: index, as: UInt64.self)
        index += 8
      }
      while index < count {
        raw[index] = UInt8(truncatingIfNeeded: next())
        index += 1
      }
      initialized = count
    }
  }

  /// A generator of its own for a part of the work, so that more numbers drawn there change nothing
  /// elsewhere.
  public mutating func split() -> SplitMix64 { SplitMix64(seed: next()) }
}
