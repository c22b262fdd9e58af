/// The file that a base backup begins with: where recovery of it begins.
public enum BackupLabel {
  private static let mark = "START WAL LOCATION: "

  /// The file of the log that recovery begins with, of a label somewhere in these bytes; `nil`
  /// where none is.
  ///
  /// - Parameter byteCount: of each file of the log.
  public static func firstSegment(in bytes: [UInt8], byteCount: Int) -> LogSegment? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard byteCount > 0, let range = text.firstRange(of: mark) else { return nil }
    // `0/2000028 (file 000000010000000000000002)`
    let words = text[range.upperBound...].prefix { $0 != "\n" }.split(separator: " ")
    guard words.count >= 3, let position = WALPosition(String(words[0])),
      let timeline = UInt32(words[2].prefix(8), radix: 16)
    else { return nil }
    let segment = LogSegment(containing: position, timeline: timeline, byteCount: byteCount)
    return words[2].hasPrefix(segment.name) ? segment : nil
  }
}
