/// Instructions that each hot path may take, once: a page of 8 KiB, a fork. Who makes one slower
/// changes its number, with a word of why.
enum InstructionLimits {
  /// How far a count may be from its limit: libraries and processors differ that much.
  static let tolerance = 0.05

  static let all = [
    "readHit": 2276, "readMiss": 104_585, "write": 24_258, "flush": 33_845, "fork": 31_552,
    "sealOfFullPages": 1, "sealOfDeltas": 1, "walk": 736, "mark": 10_880, "difference": 3050,
  ]
}
