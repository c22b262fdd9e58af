/// Where the log begins that a base backup needs, as its first file says, `backup_label`.
public struct BackupStart: Hashable, Sendable {
  public var position: WALPosition
  public var timeline: UInt32

  /// So much of a backup's stream has the file.
  public static let byteCountMax = 4096

  private static let mark = "START WAL LOCATION: "
  private static let fileMark = " (file "
  private static let digitCount = 8

  /// From the beginning of the stream; `nil` where the file is not there.
  public init?(in bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let place = text.firstRange(of: Self.mark) else { return nil }
    let line = text[place.upperBound...]
    guard line.contains("\n"), let middle = line.firstRange(of: Self.fileMark),
      let position = WALPosition(String(line[..<middle.lowerBound])),
      let timeline = UInt32(line[middle.upperBound...].prefix(Self.digitCount), radix: 16)
    else { return nil }
    self.position = position
    self.timeline = timeline
  }
}
