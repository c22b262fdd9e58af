import CoppiceEngine
import Testing

@Suite struct GrowthLimitTests {
  private static let mebibyte: UInt64 = 1 << 20
  private static let gibibyte: UInt64 = 1 << 30

  @Test(
    arguments: [
      (0, .free), (79 * mebibyte, .free), (80 * mebibyte, .near), (100 * mebibyte - 1, .near),
      (100 * mebibyte, .full), (150 * mebibyte, .full), (gibibyte + 100 * mebibyte - 1, .full),
      (gibibyte + 100 * mebibyte, .beyond), (.max, .beyond),
    ] as [(UInt64, GrowthLimit.State)])
  func `what was added says how near a branch is`(added: UInt64, state: GrowthLimit.State) {
    #expect(GrowthLimit(100 * Self.mebibyte).state(ofAdded: added) == state)
  }

  @Test(
    arguments: [
      (mebibyte, gibibyte + mebibyte), (gibibyte, 2 * gibibyte), (2 * gibibyte, 3 * gibibyte),
      (10 * gibibyte, 15 * gibibyte), (.max - 1, .max), (0, gibibyte),
    ] as [(UInt64, UInt64)])
  func `a branch expires at half as much again, or a gibibyte above`(limit: UInt64, end: UInt64) {
    #expect(GrowthLimit(limit).endByteCount == end)
    #expect(GrowthLimit(limit).state(ofAdded: end) == .beyond)
    #expect(GrowthLimit(limit).state(ofAdded: end - 1) < .beyond)
  }

  @Test(
    arguments: [
      (0, 65_536, false), (0, 65_537, true), (65_536, 65_537, true), (70_000, 70_000, false),
      (70_000, 69_000, false), (70_000, 80_000, true),
    ] as [(UInt64, UInt64, Bool)])
  func `only growth past the small concerns limits`(old: UInt64, new: UInt64, concerns: Bool) {
    #expect(GrowthLimit.concernsGrowth(from: old, to: new) == concerns)
  }
}
