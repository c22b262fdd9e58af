/// A file of a cluster's write-ahead log, as servers name it.
public struct LogSegment: Hashable, Sendable {
  public let timeline: UInt32
  /// How many come before it.
  public let number: UInt64
  public let byteCount: Int

  private static let digitCount = 24
  private static let timelineDigitCount = 8
  /// Of a file that is being received.
  public static let partialSuffix = ".partial"
  private static let historySuffix = ".history"

  /// The one that has a position's byte.
  public init(containing position: WALPosition, timeline: UInt32, byteCount: Int) {
    self.timeline = timeline
    self.byteCount = byteCount
    number = position.byteOffset / UInt64(byteCount)
  }

  /// The one of that name; `nil` for another name.
  public init?(_ name: String, byteCount: Int) {
    guard name.utf8.count == Self.digitCount, Self.finishedName(name) == name else { return nil }
    var rest = name[...]
    let parts = (0..<3).compactMap { _ in
      defer { rest = rest.dropFirst(Self.timelineDigitCount) }
      return UInt64(rest.prefix(Self.timelineDigitCount), radix: 16)
    }
    let countOfPart = (UInt64(1) << 32) / UInt64(byteCount)
    guard parts.count == 3, parts[2] < countOfPart else { return nil }
    self.init(
      timeline: UInt32(parts[0]), number: parts[1] * countOfPart + parts[2], byteCount: byteCount)
  }

  private init(timeline: UInt32, number: UInt64, byteCount: Int) {
    self.timeline = timeline
    self.number = number
    self.byteCount = byteCount
  }

  /// Where in the log it begins.
  public var start: WALPosition { WALPosition(number * UInt64(byteCount)) }

  /// The one before; `nil` for the first.
  public var previous: LogSegment? {
    number == 0
      ? nil : LogSegment(timeline: timeline, number: number - 1, byteCount: byteCount)
  }

  /// Three numbers of eight digits: the timeline, and the segment's in two parts.
  public var name: String {
    let countOfPart = (UInt64(1) << 32) / UInt64(byteCount)
    return [UInt64(timeline), number / countOfPart, number % countOfPart].map { value in
      let digits = String(value, radix: 16, uppercase: true)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  /// What a received file is called in a cluster's log; `nil` for one that is none of it.
  public static func finishedName(_ name: String) -> String? {
    let stem =
      name.hasSuffix(partialSuffix) ? String(name.dropLast(partialSuffix.count)) : name
    let isHistory = stem.hasSuffix(historySuffix)
    let digits = isHistory ? stem.dropLast(historySuffix.count) : stem[...]
    let isHexadecimal = digits.utf8.allSatisfy { 48...57 ~= $0 || 65...70 ~= $0 }
    guard isHexadecimal, digits.utf8.count == (isHistory ? timelineDigitCount : digitCount) else {
      return nil
    }
    return stem
  }
}
