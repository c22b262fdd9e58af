internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc

extension RequestServer {
  /// The kernel's `fuse_setxattr_in` of a connection without FUSE_SETXATTR_EXT.
  private struct SetAttributeArguments: BitwiseCopyable {
    var size: UInt32
    var flags: UInt32
  }

  func getExtendedAttribute(_ request: Request) throws(StoreError) {
    let size = try request.arguments(fuse_getxattr_in.self).size
    let name = try request.attributeName(after: MemoryLayout<fuse_getxattr_in>.size)
    guard request.node != .top else { return answer(error: ENODATA) }
    let tree = try session.branches.tree(request.node)
    guard let value = try tree.extendedAttributeIfPresent(name, of: request.node.file) else {
      return answer(error: ENODATA)
    }
    answer(value, upTo: size)
  }

  func listExtendedAttributes(_ request: Request) throws(StoreError) {
    let size = try request.arguments(fuse_getxattr_in.self).size
    guard request.node != .top else { return answer([], upTo: size) }
    let tree = try session.branches.tree(request.node)
    var names = try tree.extendedAttributeNames(of: request.node.file)
    // Others than root cannot read these.
    if request.header.uid != 0 { names.removeAll { $0.bytes.starts(with: "trusted.".utf8) } }
    answer(names.flatMap { $0.bytes + [0] }, upTo: size)
  }

  /// A size of 0 asks how many bytes there are.
  private func answer(_ bytes: [UInt8], upTo size: UInt32) {
    if size == 0 {
      answer(fuse_getxattr_out(size: UInt32(bytes.count), padding: 0))
    } else if bytes.count > Int(size) {
      answer(error: ERANGE)
    } else {
      answer(bytes)
    }
  }

  func setExtendedAttribute(_ request: Request) throws(StoreError) {
    let argumentByteCount = MemoryLayout<SetAttributeArguments>.size
    let arguments = try request.arguments(SetAttributeArguments.self)
    let (size, flags) = (Int(arguments.size), arguments.flags)
    let name = try request.attributeName(after: argumentByteCount)
    // Access control lists would have to be obeyed, not only kept. One that an import brought can
    // be read, copied and removed.
    if name.bytes.starts(with: "system.posix_acl_".utf8) {
      throw StoreError(
        .invalid, "access control lists are not supported", object: name.description,
        reason: .unsupported)
    }
    let value = try request.data(after: argumentByteCount, from: name.bytes.count + 1)
    guard value.count >= size else { return answer(error: EINVAL) }
    let rule: AttributeRule
    switch flags {
    case 0: rule = .set
    case UInt32(XATTR_CREATE): rule = .create
    case UInt32(XATTR_REPLACE): rule = .replace
    default: return answer(error: EINVAL)
    }
    try branch(request.node).setExtendedAttribute(
      name, of: request.node.file, to: Array(value[..<size]), rule)
    answer()
  }

  func removeExtendedAttribute(_ request: Request) throws(StoreError) {
    let name = try request.attributeName()
    try branch(request.node).removeExtendedAttribute(name, of: request.node.file)
    answer()
  }
}
