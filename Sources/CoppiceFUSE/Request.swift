internal import CFuse
internal import Coppice
internal import Glibc

/// One request as it came from the kernel; its bytes are those of the server's buffer, until the
/// answer.
struct Request {
  let header: fuse_in_header
  /// Arguments of a fixed size, and behind them names or data.
  let body: UnsafeRawBufferPointer

  /// Fails for what is too short to be a request.
  init?(_ bytes: UnsafeRawBufferPointer) {
    let headerByteCount = MemoryLayout<fuse_in_header>.size
    guard bytes.count >= headerByteCount else { return nil }
    header = bytes.loadUnaligned(as: fuse_in_header.self)
    body = UnsafeRawBufferPointer(rebasing: bytes[headerByteCount...])
  }

  var node: NodeID { NodeID(rawValue: header.nodeid) }

  /// The arguments at the beginning of the body.
  func arguments<Arguments: BitwiseCopyable>(
    _ type: Arguments.Type = Arguments.self
  ) throws(StoreError) -> Arguments {
    guard body.count >= MemoryLayout<Arguments>.size else { throw .shortRequest }
    return body.loadUnaligned(as: type)
  }

  /// What lies behind arguments of that many bytes.
  func data(after byteCount: Int) throws(StoreError) -> UnsafeRawBufferPointer {
    guard body.count >= byteCount else { throw .shortRequest }
    return UnsafeRawBufferPointer(rebasing: body[byteCount...])
  }

  /// The text that ends with a zero byte, behind arguments of that many bytes.
  func text(after byteCount: Int = 0) throws(StoreError) -> UnsafeRawBufferPointer {
    let rest = try data(after: byteCount)
    guard let end = rest.firstIndex(of: 0) else { throw .shortRequest }
    return UnsafeRawBufferPointer(rebasing: rest[..<end])
  }

  func name(after byteCount: Int = 0) throws(StoreError) -> FileName {
    try FileName(bytes: text(after: byteCount))
  }

  /// The two names at the end of a rename.
  func names(after byteCount: Int) throws(StoreError) -> (FileName, FileName) {
    let first = try name(after: byteCount)
    return (first, try name(after: byteCount + first.bytes.count + 1))
  }

  func attributeName(after byteCount: Int = 0) throws(StoreError) -> AttributeName {
    let name = try AttributeName(bytes: text(after: byteCount))
    // Access control lists would have to be obeyed, not only kept.
    if name.bytes.starts(with: "system.posix_acl_".utf8) {
      throw StoreError(
        .invalid, "access control lists are not supported", object: name.description,
        reason: .unsupported)
    }
    return name
  }
}

extension StoreError {
  fileprivate static var shortRequest: StoreError {
    StoreError(.invalid, "a request of the kernel is too short")
  }
}
