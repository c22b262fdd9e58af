internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc

/// One request as it came from the kernel; its bytes are those of the channel, until the first byte
/// of the answer.
struct Request {
  let header: fuse_in_header
  /// Arguments of a fixed size, and perhaps behind them what `separateData` holds otherwise.
  private let arguments: UnsafeRawBufferPointer
  /// Names or data, when they do not lie behind the arguments.
  private let separateData: UnsafeRawBufferPointer?

  /// Fails for what is too short to be a request.
  init?(_ bytes: UnsafeRawBufferPointer) {
    let headerByteCount = MemoryLayout<fuse_in_header>.size
    guard bytes.count >= headerByteCount else { return nil }
    header = bytes.loadUnaligned(as: fuse_in_header.self)
    arguments = UnsafeRawBufferPointer(rebasing: bytes[headerByteCount...])
    separateData = nil
  }

  /// What a ring has received.
  init(_ ring: FUSERing) {
    header = ring.header.loadUnaligned(as: fuse_in_header.self)
    arguments = ring.arguments
    separateData = ring.data
  }

  var node: NodeID { NodeID(rawValue: header.nodeid) }

  /// The arguments of a fixed size.
  func arguments<Arguments: BitwiseCopyable>(
    _ type: Arguments.Type = Arguments.self
  ) throws(StoreError) -> Arguments {
    guard arguments.count >= MemoryLayout<Arguments>.size else { throw .shortRequest }
    return arguments.loadUnaligned(as: type)
  }

  /// The names or data behind arguments of that many bytes, from an offset in them on.
  func data(
    after argumentByteCount: Int, from offset: Int = 0
  ) throws(StoreError) -> UnsafeRawBufferPointer {
    let whole = separateData ?? arguments
    let start = offset + (separateData == nil ? argumentByteCount : 0)
    guard whole.count >= start else { throw .shortRequest }
    return UnsafeRawBufferPointer(rebasing: whole[start...])
  }

  /// The text that ends with a zero byte.
  func text(
    after argumentByteCount: Int = 0, from offset: Int = 0
  ) throws(StoreError) -> UnsafeRawBufferPointer {
    let rest = try data(after: argumentByteCount, from: offset)
    guard let end = rest.firstIndex(of: 0) else { throw .shortRequest }
    return UnsafeRawBufferPointer(rebasing: rest[..<end])
  }

  func name(
    after argumentByteCount: Int = 0, from offset: Int = 0
  ) throws(StoreError) -> FileName {
    try FileName(bytes: text(after: argumentByteCount, from: offset))
  }

  /// The two names at the end of a rename.
  func names(after argumentByteCount: Int) throws(StoreError) -> (FileName, FileName) {
    let first = try name(after: argumentByteCount)
    return (first, try name(after: argumentByteCount, from: first.bytes.count + 1))
  }

  func attributeName(after argumentByteCount: Int = 0) throws(StoreError) -> AttributeName {
    try AttributeName(bytes: text(after: argumentByteCount))
  }
}

extension StoreError {
  fileprivate static var shortRequest: StoreError {
    StoreError(.invalid, "a request of the kernel is too short")
  }
}
