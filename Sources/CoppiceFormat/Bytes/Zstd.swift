internal import CZstd

/// zstd for structures that are coded seldom. The codecs of pages and nodes keep contexts of
/// their own.
///
/// Frames are "magicless": no magic, content size, checksum or dictionary id. All of these are
/// known or covered elsewhere.
enum Zstd {
  /// A compressed body may stand for at most this many times its bytes. What compresses better
  /// is stored as it is, so that a decoder can refuse a bomb before it allocates.
  static let ratioMax = 256
  static let level: Int32 = 1

  /// `nil` when compressing gains nothing, or more than decoders accept.
  static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    let context = compressionContext()
    defer { ZSTD_freeCCtx(context) }
    let compressed = [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
      let result = ZSTD_compress2(
        context, buffer.baseAddress, buffer.count, bytes.baseAddress, bytes.count)
      count = ZSTD_isError(result) == 0 ? result : 0
    }
    let isUseful = !compressed.isEmpty && compressed.count < bytes.count
    return isUseful && bytes.count / ratioMax <= compressed.count ? compressed : nil
  }

  /// Exactly `byteCount` bytes; the caller has bounded them by the input.
  static func decompress(
    _ bytes: UnsafeRawBufferPointer, byteCount: Int, what: String
  ) throws(FormatError) -> [UInt8] {
    guard byteCount / ratioMax <= bytes.count else {
      throw .outOfRange(
        what: what, value: UInt64(byteCount), limit: UInt64(bytes.count * ratioMax))
    }
    let context = decompressionContext(windowLog: 27)
    defer { ZSTD_freeDCtx(context) }
    var result = 0
    let raw = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      result = ZSTD_decompressDCtx(
        context, buffer.baseAddress, buffer.count, bytes.baseAddress, bytes.count)
      count = result == byteCount ? byteCount : 0
    }
    try check(result, byteCount: byteCount, what: what)
    return raw
  }

  /// Throws unless `result`, of a decompression, is `byteCount`.
  static func check(_ result: Int, byteCount: Int, what: String) throws(FormatError) {
    guard ZSTD_isError(result) == 0 else {
      throw .compression(what: what, code: Int(ZSTD_getErrorCode(result).rawValue))
    }
    guard result == byteCount else {
      throw .truncated(what: what, needed: byteCount, available: result)
    }
  }

  static func compressionContext() -> OpaquePointer {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("out of memory") }
    set(ZSTD_c_compressionLevel, level, on: context)
    set(ZSTD_c_contentSizeFlag, 0, on: context)
    set(ZSTD_c_checksumFlag, 0, on: context)
    set(ZSTD_c_dictIDFlag, 0, on: context)
    set(coppice_zstd_c_format, Int32(ZSTD_f_zstd1_magicless.rawValue), on: context)
    return context
  }

  static func decompressionContext(windowLog: Int32) -> OpaquePointer {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("out of memory") }
    let format = ZSTD_DCtx_setParameter(
      context, coppice_zstd_d_format, Int32(ZSTD_f_zstd1_magicless.rawValue))
    let window = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLog)
    precondition(ZSTD_isError(format) == 0 && ZSTD_isError(window) == 0)
    return context
  }

  static func set(_ parameter: ZSTD_cParameter, _ value: Int32, on context: OpaquePointer) {
    precondition(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0)
  }
}
