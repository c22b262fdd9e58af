internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

/// The hash of a file of whoever asks.
enum FileDigest {
  private static let byteCountMax = 16 << 20

  /// The SHA-256 of its content, in hexadecimal digits. Throws `invalid` for an empty file, for a
  /// directory, and for one of more than 16 MiB.
  static func read(_ file: ClientFile, _ context: RequestContext) throws(StoreError) -> String {
    guard file.isStream || file.name != nil else {
      throw StoreError(
        .invalid, "is a directory", object: file.shown, remedy: "name a file in it")
    }
    let bytes =
      file.isStream
      ? try file.reachStream(context.files, forWriting: false) { stream throws(StoreError) in
        try content(of: stream, file)
      }
      : try file.reach(context.files) { path throws(StoreError) in
        let opened: HostFile
        do throws(SystemError) { opened = try HostFile(reading: path) } catch {
          throw StoreError(reading: error, object: path)
        }
        return try content(of: opened, file)
      }
    guard !bytes.isEmpty else {
      throw StoreError(
        .invalid, "is empty: it attests nothing", object: file.shown,
        remedy: "name the file that says what was done to the data")
    }
    return SHA256Digest.hexadecimal(of: bytes)
  }

  private static func content(
    of stream: HostFile, _ file: ClientFile
  ) throws(StoreError) -> [UInt8] {
    var bytes: [UInt8] = []
    let buffer = AlignedBuffer(byteCountMin: 1 << 16)
    buffer.extend(1 << 16)
    while true {
      let count: Int
      do throws(SystemError) { count = try stream.readSome(into: buffer.mutableContents) } catch {
        throw StoreError(reading: error, object: file.shown)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer.contents[..<count])
      guard bytes.count <= byteCountMax else {
        throw StoreError(
          .invalid, "has more than \(byteCountMax) bytes", object: file.shown,
          remedy: "attest with a shorter file, which can name longer ones by their hashes",
          reason: .tooLarge)
      }
    }
  }
}
