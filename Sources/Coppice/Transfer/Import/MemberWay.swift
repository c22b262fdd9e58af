/// The way from an archive's top to the directory of the member before.
///
/// Members of a directory mostly follow each other, so what a path shares with the one before is
/// not looked up again: an archive of a deep tree takes time in proportion to its bytes.
struct MemberWay {
  /// A member's path in two: the bytes that lead to its directory, and its name there.
  struct Place {
    var directory: [UInt8]
    /// `nil` for the top of the archive.
    var name: FileName?

    /// Leading, trailing and doubled slashes and `.` say nothing. Throws `invalid` for a name that
    /// is none, such as `..`.
    init(_ path: [UInt8]) throws(StoreError) {
      var rest = path[...]
      while let slash = rest.lastIndex(of: MemberWay.separator) {
        let last = rest[(slash + 1)...]
        guard last.isEmpty || last.elementsEqual(".".utf8) else { break }
        rest = rest[..<slash]
      }
      let start = rest.lastIndex(of: MemberWay.separator).map { $0 + 1 } ?? 0
      directory = Array(rest[..<start])
      let last = rest[start...]
      name = last.isEmpty || last.elementsEqual(".".utf8) ? nil : try FileName(bytes: last)
    }
  }

  private static let separator = UInt8(ascii: "/")

  private struct Step {
    /// Bytes of the way up to this directory, without a slash behind it.
    var end: Int
    var directory: FileID
  }

  private let top: FileID
  private var bytes: [UInt8] = []
  private var steps: [Step] = []

  init(top: FileID) { self.top = top }

  /// Forgets the way: a directory on it may be gone.
  mutating func reset() {
    bytes = []
    steps = []
  }

  /// Goes back to where the way to the directory with this path branches off. Returns the directory
  /// there and the names that are still to go, by `advance`. Throws `invalid` for what is no name.
  mutating func begin(_ path: [UInt8]) throws(StoreError) -> (directory: FileID, names: [FileName])
  {
    var path = path[...]
    while path.first == Self.separator || path.starts(with: "./".utf8) { path = path.dropFirst() }
    let wanted = Array(path)
    let shared = bytes.commonPrefixCount(with: wanted)
    while let last = steps.last {
      if last.end <= shared {
        if last.end == wanted.count || wanted[last.end] == Self.separator { break }
      }
      steps.removeLast()
    }
    let known = steps.last?.end ?? 0
    bytes.removeSubrange(known...)
    var names: [FileName] = []
    for part in wanted[known...].split(separator: Self.separator)
    where !part.elementsEqual(".".utf8) {
      names.append(try FileName(bytes: part))
    }
    return (steps.last?.directory ?? top, names)
  }

  /// Notes the directory that a name has led to.
  mutating func advance(_ name: FileName, to directory: FileID) {
    if !bytes.isEmpty { bytes.append(Self.separator) }
    bytes += name.bytes
    steps.append(Step(end: bytes.count, directory: directory))
  }
}
