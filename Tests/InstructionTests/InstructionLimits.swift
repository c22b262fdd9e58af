/// Instructions that each hot path may take, once: a page of 8 KiB, a fork. Who makes one slower
/// changes its number, with a word of why.
enum InstructionLimits {
  /// How far a count may be from its limit: libraries and processors differ that much.
  static let tolerance = 0.05

  static let all = [
    "readHit": 2362, "readMiss": 104_671, "write": 24_338, "flush": 33_923, "fork": 31_545,
    "sealOfFullPages": 364_271, "sealOfDeltas": 125_588, "walk": 735, "mark": 10_888,
    "difference": 3050,
  ]
}
