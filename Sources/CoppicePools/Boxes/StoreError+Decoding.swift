internal import CoppiceErrors
internal import CoppiceFormat

extension StoreError {
  /// Runs a decoder of what an object of a pool holds.
  static func decoding<Value>(
    _ object: String, _ body: () throws(FormatError) -> Value
  ) throws(StoreError) -> Value {
    do throws(FormatError) { return try body() } catch {
      if error.isUnsupported {
        throw StoreError(
          .unsupportedFormat, "was written by a newer version", object: object,
          remedy: "use that version", cause: "\(error)")
      }
      throw StoreError(.corrupt, "is not what was written", object: object, cause: "\(error)")
    }
  }
}
