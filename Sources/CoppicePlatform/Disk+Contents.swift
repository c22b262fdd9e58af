extension Disk {
  /// All bytes of a file.
  package func contents(of name: String) throws(SystemError) -> [UInt8] {
    let file = try open(name, .read)
    return try file.read(Int(try file.byteCount()), at: 0)
  }

  /// Puts bytes in the place of a file, or makes it. The bytes are durable before the name leads to
  /// them, and who reads the name sees all of them or what was there; the name itself is durable
  /// once its directory is synced. `unfinished` is the name that they have until then; a file that
  /// an earlier attempt left there goes.
  package func replace(
    _ name: String, with bytes: [UInt8], unfinished: String
  ) throws(SystemError) {
    do throws(SystemError) { try remove(unfinished) } catch {
      if !error.isMissing { throw error }
    }
    let file = try open(unfinished, .create)
    try file.write(bytes, at: 0)
    try file.sync()
    try rename(unfinished, to: name)
  }
}

extension DiskFile {
  /// As much of `count` bytes as the file holds from `offset` on.
  package func read(_ count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = try bytes.withMutableBytes { buffer throws(SystemError) in
      try read(into: buffer, at: offset)
    }
    bytes.removeLast(count - found)
    return bytes
  }

  /// Writes all of `bytes`.
  package func write(_ bytes: [UInt8], at offset: UInt64) throws(SystemError) {
    try bytes.withBytes { buffer throws(SystemError) in try write(buffer, at: offset) }
  }
}

extension Array<UInt8> {
  /// As `withUnsafeBytes`, with a typed error.
  @inlinable
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try span.bytes.withUnsafeBytes(body)
  }

  /// As `withUnsafeMutableBytes`, with a typed error.
  @inlinable
  package mutating func withMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = mutableSpan
    var bytes = span.mutableBytes
    return try bytes.withUnsafeMutableBytes(body)
  }
}
