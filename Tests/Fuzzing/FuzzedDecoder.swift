internal import Glibc
internal import TestSupport

/// The decoder that the environment variable COPPICE_FUZZ_DECODER names.
enum FuzzedDecoder {
  /// The decoders that `make fuzz` runs.
  static let all = FormatDecoder.all + FormatDecoder.postgreSQL

  static let selected: FormatDecoder = {
    let name = getenv("COPPICE_FUZZ_DECODER").map { String(cString: $0) } ?? ""
    guard let decoder = all.first(where: { $0.name == name }) else {
      fatalError("COPPICE_FUZZ_DECODER must be one of \(all.map(\.name))")
    }
    return decoder
  }()
}

#if FUZZING
  /// libFuzzer's entry: one input for the selected decoder, with and without a checksum that fits.
  @_cdecl("LLVMFuzzerTestOneInput")
  func testOneInput(_ start: UnsafePointer<UInt8>?, _ byteCount: Int) -> Int32 {
    FuzzedDecoder.selected.run(Array(UnsafeBufferPointer(start: start, count: byteCount)))
    return 0
  }
#endif
