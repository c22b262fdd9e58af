/// Where the log begins that a base backup needs, as pg_basebackup tells it when the backup begins.
public struct BackupStart: Hashable, Sendable {
  public var position: WALPosition
  public var timeline: UInt32

  private static let mark = "write-ahead log start point: "
  private static let timelineMark = " on timeline "

  /// From what the program printed so far, with `--verbose` and without translation; `nil` as long as
  /// it has not come to that.
  public init?(in words: String) {
    guard let place = words.firstRange(of: Self.mark) else { return nil }
    let rest = words[place.upperBound...]
    guard let end = rest.firstIndex(of: "\n"), let middle = rest.firstRange(of: Self.timelineMark),
      middle.upperBound <= end,
      let position = WALPosition(String(rest[..<middle.lowerBound])),
      let timeline = UInt32(rest[middle.upperBound..<end])
    else { return nil }
    self.position = position
    self.timeline = timeline
  }
}
