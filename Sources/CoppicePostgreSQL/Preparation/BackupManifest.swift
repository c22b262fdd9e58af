/// The file that a base backup brings along: the checksums of its files, and at its end which part
/// of the log it needs.
public enum BackupManifest {
  /// In the data directory.
  public static let name = "backup_manifest"
  /// So much of its end has all that is read here.
  public static let tailByteCountMax = 1 << 16

  private static let mark = "\"End-LSN\":"

  /// Where the log ends that recovery needs, of all of its timelines; `nil` where the file does not
  /// tell.
  public static func end(inTail bytes: [UInt8]) -> WALPosition? {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.ranges(of: mark).compactMap { place in
      let value = text[place.upperBound...].split(separator: "\"", maxSplits: 2)
      return value.count > 1 ? WALPosition(String(value[1])) : nil
    }.max()
  }
}
