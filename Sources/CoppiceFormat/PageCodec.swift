internal import CZstd

/// Encodes and decodes pages. One instance per worker thread: it owns zstd contexts, and no call
/// allocates.
///
/// A full page is stored raw or as one zstd frame; a delta is one zstd frame with the base page as
/// prefix. The frames are magicless, without content size, checksum and dictionary id: the page's
/// byte count is the store's, its hash stands in the ref, the base is named by its locator.
public final class PageCodec {
  public let pageByteCount: Int
  /// An output buffer of this many bytes is enough for every page.
  public let outputByteCountMax: Int

  private let fullContext: OpaquePointer
  /// Finds what stayed in its place.
  private let quickContext: OpaquePointer
  /// Finds what moved too, at twice the time.
  private let searchContext: OpaquePointer
  private let searchOutput: UnsafeMutableRawBufferPointer
  private let decodeContext: OpaquePointer

  /// A delta that is longer than this part of the page is looked for a second time: one word in
  /// 8 KiB takes 50 to 100 bytes, what is longer mostly has content that moved.
  private static let searchedShare = 64

  /// - Parameter pageByteCount: a power of two from 4 to 64 KiB.
  public init(pageByteCount: Int) {
    let shift = pageByteCount.trailingZeroBitCount
    precondition(
      pageByteCount == 1 << shift && Superblock.pageShifts.contains(UInt8(clamping: shift)))
    self.pageByteCount = pageByteCount
    outputByteCountMax = ZSTD_compressBound(pageByteCount)
    fullContext = Zstd.compressionContext()
    Zstd.set(ZSTD_c_windowLog, Int32(shift), on: fullContext)
    quickContext = Self.deltaContext(pageShift: shift, level: 3, ZSTD_dfast)
    searchContext = Self.deltaContext(pageShift: shift, level: 5, ZSTD_lazy)
    Zstd.set(ZSTD_c_searchLog, 3, on: searchContext)
    searchOutput = .allocate(byteCount: pageByteCount, alignment: 16)
    decodeContext = Zstd.decompressionContext(windowLog: Int32(shift + 1))
  }

  deinit {
    ZSTD_freeCCtx(fullContext)
    ZSTD_freeCCtx(quickContext)
    ZSTD_freeCCtx(searchContext)
    searchOutput.deallocate()
    ZSTD_freeDCtx(decodeContext)
  }

  /// A page of alike rows or keys resembles itself almost as much as its base: matches of 4 bytes
  /// are then taken in the page where long ones in the base are missed.
  private static func deltaContext(
    pageShift: Int, level: Int32, _ strategy: ZSTD_strategy
  ) -> OpaquePointer {
    let context = Zstd.compressionContext()
    Zstd.set(ZSTD_c_compressionLevel, level, on: context)
    Zstd.set(ZSTD_c_strategy, Int32(strategy.rawValue), on: context)
    Zstd.set(ZSTD_c_minMatch, 5, on: context)
    Zstd.set(ZSTD_c_windowLog, Int32(pageShift + 1), on: context)
    return context
  }

  /// Writes `page` to the start of `output`: zstd, or raw if zstd gains less than an eighth.
  ///
  /// - Precondition: `output` has at least `outputByteCountMax` bytes.
  public func encodeFull(
    _ page: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) -> (encoding: FrameEncoding, byteCount: Int) {
    precondition(page.count == pageByteCount && output.count >= outputByteCountMax)
    let result = ZSTD_compress2(
      fullContext, output.baseAddress, output.count, page.baseAddress, page.count)
    if ZSTD_isError(result) == 0, result <= pageByteCount - pageByteCount / 8 {
      return (.zstd, result)
    }
    output.copyMemory(from: page)
    return (.raw, pageByteCount)
  }

  /// Writes the difference of `page` to `base` to the start of `output` and returns its byte
  /// count; `nil` when it does not fit, which bounds the work on a delta nobody would take.
  ///
  /// Where most stayed in its place zstd's double-hash strategy finds that. Where it leaves much
  /// all the same, as on index pages whose entries moved by a few bytes, and where rows moved, the
  /// lazy strategy looks at every offset of the base.
  ///
  /// This is the payload; the stored bytes of a derived frame begin with the base's locator.
  ///
  /// - Precondition: the two pages are of this codec's byte count, and of different memory: zstd
  ///   does not use what overlaps.
  public func encodeDelta(
    _ page: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer, _ resemblance: Resemblance,
    into output: UnsafeMutableRawBufferPointer
  ) -> Int? {
    precondition(page.count == pageByteCount && base.count == pageByteCount)
    guard resemblance == .inPlace else { return encode(page, base, searchContext, into: output) }
    let quick = encode(page, base, quickContext, into: output)
    if let quick, quick <= pageByteCount / Self.searchedShare { return quick }
    let limit = min(quick ?? output.count, output.count, searchOutput.count)
    let target = UnsafeMutableRawBufferPointer(rebasing: searchOutput[..<limit])
    guard let searched = encode(page, base, searchContext, into: target) else { return quick }
    output.copyMemory(from: UnsafeRawBufferPointer(rebasing: target[..<searched]))
    return searched
  }

  private func encode(
    _ page: UnsafeRawBufferPointer, _ base: UnsafeRawBufferPointer, _ context: OpaquePointer,
    into output: UnsafeMutableRawBufferPointer
  ) -> Int? {
    let reference = ZSTD_CCtx_refPrefix(context, base.baseAddress, base.count)
    let result = ZSTD_compress2(
      context, output.baseAddress, output.count, page.baseAddress, page.count)
    guard ZSTD_isError(reference) == 0, ZSTD_isError(result) == 0 else {
      ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
      return nil
    }
    return result
  }

  /// Decodes a page's payload into `page`. Decoding never yields another byte count; the caller
  /// verifies the hash.
  ///
  /// - Parameters:
  ///   - stored: the payload; of a delta without the base's locator.
  ///   - base: the decoded base of a delta.
  ///
  /// Throws `.truncated`, `.compression`, `.baseNeeded`, `.outOfRange` for a node's encoding.
  /// `page` is then undefined.
  public func decode(
    _ stored: UnsafeRawBufferPointer, encoding: FrameEncoding, base: UnsafeRawBufferPointer?,
    into page: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    precondition(page.count == pageByteCount)
    switch encoding {
    case .raw:
      guard stored.count == pageByteCount else {
        throw .truncated(what: "raw page", needed: pageByteCount, available: stored.count)
      }
      page.copyMemory(from: stored)
      return
    case .zstd:
      break
    case .zstdOnBase:
      guard let base else { throw .baseNeeded(what: "page") }
      precondition(base.count == pageByteCount)
      let reference = ZSTD_DCtx_refPrefix(decodeContext, base.baseAddress, base.count)
      precondition(ZSTD_isError(reference) == 0)
    case .columns, .overridesOnBase:
      throw .outOfRange(what: "page encoding", value: UInt64(encoding.rawValue), limit: 2)
    }
    let result = ZSTD_decompressDCtx(
      decodeContext, page.baseAddress, page.count, stored.baseAddress, stored.count)
    if ZSTD_isError(result) != 0 {
      ZSTD_DCtx_reset(decodeContext, ZSTD_reset_session_only)
    }
    try Zstd.check(result, byteCount: pageByteCount, what: "page")
  }
}

extension PageCodec {
  /// Decodes the page whose zstd payload begins where `bytes` do, and returns how many bytes that
  /// takes: for finding frames whose byte counts are lost. `nil` when there is none, or `bytes` end
  /// before it does.
  ///
  /// - Parameter base: the decoded base of a delta.
  public func decodeBeginning(
    of bytes: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer?,
    into page: UnsafeMutableRawBufferPointer
  ) -> Int? {
    precondition(page.count == pageByteCount)
    ZSTD_DCtx_reset(decodeContext, ZSTD_reset_session_only)
    if let base {
      precondition(base.count == pageByteCount)
      guard ZSTD_isError(ZSTD_DCtx_refPrefix(decodeContext, base.baseAddress, base.count)) == 0
      else { return nil }
    }
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    var output = ZSTD_outBuffer(dst: page.baseAddress, size: page.count, pos: 0)
    let rest = ZSTD_decompressStream(decodeContext, &output, &input)
    guard rest == 0, output.pos == pageByteCount else {
      ZSTD_DCtx_reset(decodeContext, ZSTD_reset_session_only)
      return nil
    }
    return input.pos
  }
}
