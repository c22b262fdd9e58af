import Coppice
import CoppiceFormat

/// Everything that a store's users can see, as lines of text.
enum StoreListing {
  static func lines(_ store: Store) throws -> [String] {
    var lines: [String] = []
    for entry in try store.entries(in: .all) {
      let place = entry.domain.number == 0 ? "" : " in \(entry.domain), \(entry.domain.dataClass)"
      lines.append("\(entry.name)\(entry.state == .deleted ? " deleted" : "")\(place)")
      if entry.state == .deleted { continue }
      try list(try store.tree(entry.name), .root, "", &lines)
    }
    return lines
  }

  private static func list(
    _ tree: FileTree, _ directory: FileID, _ prefix: String, _ lines: inout [String]
  ) throws {
    for entry in try tree.readDirectory(directory) {
      let path = "\(prefix)/\(entry.name)"
      let attributes = try tree.attributes(of: entry.file)
      var line = "  \(path) \(entry.kind) \(String(attributes.permissions, radix: 8))"
      line += " links \(attributes.linkCount) modified \(attributes.modified.nanoseconds)"
      switch entry.kind {
      case .regular:
        var bytes = [UInt8](repeating: 0, count: Int(attributes.byteCount))
        _ = try bytes.withUnsafeMutableBytes { try tree.read(entry.file, at: 0, into: $0) }
        let hash = bytes.withUnsafeBytes { checksum64($0) }
        line += " \(bytes.count) bytes \(String(hash, radix: 16))"
      case .symbolicLink:
        let target = try tree.symbolicLinkTarget(of: entry.file)
        line += " to \(String(decoding: target, as: UTF8.self))"
      default: break
      }
      for name in try tree.extendedAttributeNames(of: entry.file) {
        line += " \(name)=\(try tree.extendedAttribute(name, of: entry.file))"
      }
      lines.append(line)
      if entry.kind == .directory { try list(tree, entry.file, path, &lines) }
    }
  }
}
