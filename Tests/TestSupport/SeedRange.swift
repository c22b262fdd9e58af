internal import Glibc

/// The seeds of a random test: its own, or those that the environment names. `SEED=n` is that one
/// alone, `SEEDS=n` are that many from there on, or from 0.
public enum SeedRange {
  public static func chosen(else standard: Range<UInt64>) -> Range<UInt64> {
    let (first, count) = (number("SEED"), number("SEEDS"))
    guard first != nil || count != nil else { return standard }
    let start = UInt64(first ?? 0)
    return start..<start + UInt64(count ?? 1)
  }

  /// `nil` for a variable that is not set, or no number.
  public static func number(_ name: String) -> Int? {
    getenv(name).flatMap { Int(String(cString: $0)) }
  }
}
