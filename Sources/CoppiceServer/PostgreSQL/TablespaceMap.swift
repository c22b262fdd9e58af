internal import Coppice
internal import CoppicePlatform

/// The file of a base backup from which a server makes the links of `pg_tblspc` when it first
/// starts. Each line is an object number, a space and the directory; in that a backslash stands
/// before each backslash and end of line.
struct TablespaceMap {
  struct Entry: Hashable {
    /// The link's name.
    var name: String
    /// What it will lead to.
    var target: String
  }

  static let fileName: FileName = "tablespace_map"
  /// Without this file a server does not look at the map.
  private static let labelName: FileName = "backup_label"
  private static let byteCountMax = 1 << 20

  var entries: [Entry]

  /// The map of a data directory; `nil` when a server would follow none.
  init?(in directory: FileID, of tree: FileTree) throws(StoreError) {
    guard try tree.lookupIfPresent(Self.labelName, in: directory) != nil,
      let map = try tree.lookupIfPresent(Self.fileName, in: directory), map.kind == .regular
    else { return nil }
    self.init(try tree.read(map.file, byteCount: Self.byteCountMax))
  }

  init(_ bytes: [UInt8]) {
    entries = []
    var line: [UInt8] = []
    var isEscaped = false
    for byte in bytes + [UInt8(ascii: "\n")] {
      switch byte {
      case UInt8(ascii: "\\") where !isEscaped: isEscaped = true
      case UInt8(ascii: "\n") where !isEscaped, UInt8(ascii: "\r") where !isEscaped:
        if let space = line.firstIndex(of: UInt8(ascii: " ")) {
          entries.append(
            Entry(
              name: ByteText.text(line[..<space]),
              target: ByteText.text(line[(space + 1)...])))
        }
        line = []
      default:
        line.append(byte)
        isEscaped = false
      }
    }
  }

  /// Has a server make a link to another place.
  mutating func lead(_ name: String, to target: String) {
    for index in entries.indices where entries[index].name == name {
      entries[index].target = target
    }
  }

  /// As the file has them.
  var bytes: [UInt8] {
    entries.reduce(into: []) { bytes, entry in
      bytes += ByteText.bytes(entry.name) + [UInt8(ascii: " ")]
      for byte in ByteText.bytes(entry.target) {
        if [UInt8(ascii: "\\"), UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains(byte) {
          bytes.append(UInt8(ascii: "\\"))
        }
        bytes.append(byte)
      }
      bytes.append(UInt8(ascii: "\n"))
    }
  }
}
