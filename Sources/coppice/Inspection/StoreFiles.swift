internal import Coppice
internal import CoppiceFormat
internal import CoppicePlatform

/// A store's files as they lie on disk. Read without opening the store, so that a damaged one can be
/// looked at, and one that another process uses: what that has not written yet is not seen.
struct StoreFiles {
  let disk: DirectoryDisk
  let directory: String

  init(_ directory: String) throws(StoreError) {
    self.directory = directory
    do throws(SystemError) {
      disk = try DirectoryDisk(path: directory, creating: false)
    } catch {
      throw StoreError(
        .notFound, "there is no store here", object: directory,
        remedy: "make one with 'coppice init'", cause: error.description)
    }
  }

  func names(in folder: String) throws(StoreError) -> [String] {
    do throws(SystemError) {
      return try disk.list(folder)
    } catch {
      throw failure(error, folder)
    }
  }

  /// The whole file.
  func bytes(of name: String) throws(StoreError) -> [UInt8] {
    do throws(SystemError) {
      let file = try disk.open(name, .read)
      return try read(file, 0, Int(try file.byteCount()))
    } catch {
      throw failure(error, name)
    }
  }

  /// As many bytes as the file has there, at most `count`.
  func bytes(of name: String, at offset: UInt64, count: Int) throws(StoreError) -> [UInt8] {
    do throws(SystemError) {
      return try read(try disk.open(name, .read), offset, count)
    } catch {
      throw failure(error, name)
    }
  }

  private func read(
    _ file: any DiskFile, _ offset: UInt64, _ count: Int
  ) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let filled = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
      try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
    }
    bytes.removeLast(count - filled)
    return bytes
  }

  private func failure(_ error: SystemError, _ name: String) -> StoreError {
    StoreError(
      error.isMissing ? .notFound : .unavailable, "cannot be read",
      object: "\(directory)/\(name)", cause: error.description)
  }

  /// Runs a decoder; what it throws names the object.
  static func decoding<T>(
    _ object: String, _ body: () throws(FormatError) -> T
  ) throws(StoreError) -> T {
    do throws(FormatError) {
      return try body()
    } catch {
      let isNewer =
        switch error {
        case .unsupportedVersion, .unknownFlags: true
        default: false
        }
      throw StoreError(isNewer ? .unsupportedFormat : .corrupt, "\(error)", object: object)
    }
  }
}

extension FrameName {
  /// As people and JSON write it: segment and ordinal.
  var text: String { "\(segment.rawValue).\(ordinal)" }

  init?(text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let segment = UInt64(parts[0]), let ordinal = UInt32(parts[1]),
      segment > 0, segment >> SegmentID.bitCount == 0, ordinal >> FrameName.ordinalBitCount == 0
    else { return nil }
    self.init(segment: SegmentID(segment), ordinal: ordinal)
  }
}

extension PageHash {
  /// 32 hexadecimal digits.
  var text: String {
    [high, low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

extension FrameForm {
  /// Kind and encoding as words.
  var text: String {
    let kind = kind.map { "\($0)" } ?? "kind \(rawValue >> 4)"
    let encoding = encoding.map { "\($0)" } ?? "encoding \(rawValue & 0xF)"
    return "\(kind), \(encoding)"
  }
}
