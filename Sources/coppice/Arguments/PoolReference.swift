internal import ArgumentParser
internal import CoppicePlatform

/// `REMOTE` or `REMOTE/REF`: a pool, or what it has by that name. No name has a slash, so the first
/// one ends the remote's.
struct PoolReference: ExpressibleByArgument {
  var remote: String
  /// `branch` or `branch@snapshot`; `nil` without a slash.
  var name: String?

  init(argument: String) {
    let parts = argument.split(byte: UInt8(ascii: "/"), keepsEmpty: true, maxCount: 2)
    remote = parts[0]
    name = parts.count > 1 ? parts[1] : nil
  }

  /// Throws where only a pool is named.
  func copy() throws -> String {
    if let name { return name }
    throw ValidationError("write REMOTE/REF: '\(remote)' names no copy in a pool")
  }
}
