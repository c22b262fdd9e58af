internal import ArgumentParser
internal import CoppicePlatform

/// `REF` or `REF:PATH`: an entry of the store and a place in its tree. Names hold no colon, so the
/// first one ends the name. The path is as `ByteText` has it.
struct Reference: ExpressibleByArgument {
  /// `branch` or `branch@snapshot`.
  var name: String
  /// What follows the colon; `nil` without one.
  var path: String?

  init(argument: String) {
    let parts = argument.split(byte: UInt8(ascii: ":"), keepsEmpty: true, maxCount: 2)
    name = parts[0]
    path = parts.count > 1 ? parts[1] : nil
  }
}
