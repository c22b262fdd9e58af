/// What is wrong with the bytes of a tar stream.
package enum TarError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The first block is no tar header.
  case notTar
  /// The stream is compressed; the program named unpacks it.
  case compressed(program: String)
  /// A header's sum does not match its bytes.
  case headerChecksum
  /// A number field holds something else, or more than 63 bits.
  case badNumber(field: String)
  /// An extended header is not a row of `length key=value` lines.
  case badExtendedHeader
  /// A list of data ranges is malformed, not ascending, or disagrees with the byte counts.
  case badSparseMap
  case tooLong(what: String, byteCount: UInt64, limit: UInt64)
  /// A type of entry that cannot be kept, such as a part of a multi-volume archive.
  case unsupportedType(UInt8)
  case emptyPath
  /// Bytes that are no padding follow the end of the archive.
  case trailingBytes

  package var description: String {
    switch self {
    case .notTar: "the stream does not begin with a tar header"
    case .compressed(let program): "the stream is compressed with \(program)"
    case .headerChecksum: "a header's checksum does not match"
    case .badNumber(let field): "the header field '\(field)' holds no valid number"
    case .badExtendedHeader: "an extended header is malformed"
    case .badSparseMap: "a sparse file's list of data ranges is malformed"
    case .tooLong(let what, let byteCount, let limit):
      "\(what) has \(byteCount) bytes, the limit is \(limit)"
    case .unsupportedType(let type):
      "entries of type '\(String(Unicode.Scalar(type)))' are not supported"
    case .emptyPath: "an entry has no name"
    case .trailingBytes: "bytes follow the end of the archive"
    }
  }
}
