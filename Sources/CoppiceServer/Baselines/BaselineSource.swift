package import Coppice
internal import CoppicePlatform

/// Where a baseline's content comes from, as it is written.
package enum BaselineSource: Hashable, Sendable {
  case directory(String)
  /// A file, or `-` for standard input.
  case tar(String)
  case branch(String)

  /// Throws `invalid` for any other text, and says which there are.
  package init(_ text: String) throws(StoreError) {
    let parts = text.split(byte: UInt8(ascii: ":"), keepsEmpty: true, maxCount: 2)
    switch (parts[0], parts.count > 1 ? parts[1] : "") {
    case ("directory", let path) where !path.isEmpty: self = .directory(path)
    case ("tar", let path) where !path.isEmpty: self = .tar(path)
    case ("branch", let name) where !name.isEmpty: self = .branch(name)
    case ("postgres", _), ("command", _), ("dump", _):
      throw StoreError(
        .invalid, "a baseline cannot be taken from a running PostgreSQL, a command or a dump",
        object: text,
        remedy: "import a base backup: pg_basebackup -Ft -X fetch -D - | coppice baseline add NAME "
          + "--from tar:-")
    default:
      throw StoreError(
        .invalid, "is no source of a baseline", object: text,
        remedy: "write directory:DIR, tar:FILE, tar:- or branch:NAME")
    }
  }
}
