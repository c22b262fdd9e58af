internal import CoppicePlatform

/// A path from the top in which every name means itself: none is empty, `.` or `..`.
struct PlainPath: Hashable, Sendable {
  let text: String
  let names: [String]

  /// `nil` for any other path.
  init?(_ text: String) {
    let names = text.split(byte: UInt8(ascii: "/"), keepsEmpty: true)
    guard names.first == "", names.count > 1 else { return nil }
    self.text = text
    self.names = text.utf8.count == 1 ? [] : Array(names.dropFirst())
    guard !self.names.contains(where: { ["", ".", ".."].contains($0) }) else { return nil }
  }

  /// The names that lead from a directory to this path; `nil` unless it lies below.
  func names(beneath directory: PlainPath) -> [String]? {
    guard names.count > directory.names.count,
      zip(names, directory.names).allSatisfy({ $0.hasBytes(of: $1) })
    else { return nil }
    return Array(names.dropFirst(directory.names.count))
  }

  /// Whether one of the two lies in the other, or both are the same.
  func overlaps(_ other: PlainPath) -> Bool {
    zip(names, other.names).allSatisfy { $0.hasBytes(of: $1) }
  }

  /// The directory that holds it.
  var parent: PlainPath? {
    names.isEmpty ? nil : PlainPath("/" + names.dropLast().joined(separator: "/"))
  }
}
