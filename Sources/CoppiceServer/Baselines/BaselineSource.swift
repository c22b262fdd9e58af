package import Coppice
internal import CoppicePlatform

/// Where a baseline's content comes from, as it is written.
package enum BaselineSource: Hashable, Sendable {
  /// A data directory on which no server works.
  case directory(String)
  /// A file, or `-` for standard input.
  case tar(String)
  case branch(String)
  /// A section of the connection service file of PostgreSQL's programs.
  case postgres(service: String)
  /// For a shell, which fills the directory `%d`.
  case command(String)
  /// What pg_dump or pg_dumpall wrote, a file or a directory.
  case dump(String)

  /// Throws `invalid` for any other text, and says which there are.
  package init(_ text: String) throws(StoreError) {
    let parts = text.split(byte: UInt8(ascii: ":"), keepsEmpty: true, maxCount: 2)
    let rest = parts.count > 1 ? parts[1] : ""
    guard !rest.isEmpty else { throw Self.unknown(text) }
    switch parts[0] {
    case "directory": self = .directory(rest)
    case "tar": self = .tar(rest)
    case "branch": self = .branch(rest)
    case "postgres": self = .postgres(service: rest)
    case "command": self = .command(rest)
    case "dump": self = .dump(rest)
    default: throw Self.unknown(text)
    }
    if case .command(let command) = self, !command.contains(Self.directoryMark) {
      throw StoreError(
        .invalid, "the command is not told which directory to fill", object: text,
        remedy: "write %d where it stands, as in command:'pgbackrest --pg1-path=%d restore'")
    }
    if case .postgres(let service) = self, !Self.isServiceName(service) {
      throw StoreError(
        .invalid, "is no name of a connection service", object: text,
        remedy: "name a section of pg_service.conf, of letters, digits, '.', '_' and '-'")
    }
  }

  /// As it is written, with a path from the top: who reads it later stands elsewhere.
  package var absolute: String {
    switch self {
    case .directory(let path): "directory:\(HostPath.absolute(path))"
    case .tar("-"): "tar:-"
    case .tar(let path): "tar:\(HostPath.absolute(path))"
    case .dump(let path): "dump:\(HostPath.absolute(path))"
    case .branch(let name): "branch:\(name)"
    case .postgres(let service): "postgres:\(service)"
    case .command(let command): "command:\(command)"
    }
  }

  /// In a command, the directory that it fills.
  static let directoryMark = "%d"

  /// Whether it takes a server of the store to bring its content in.
  package var needsServer: Bool {
    switch self {
    case .directory, .tar, .branch: false
    case .postgres, .command, .dump: true
    }
  }

  private static func isServiceName(_ name: String) -> Bool {
    name.utf8.allSatisfy { byte in
      let character = Character(Unicode.Scalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber)
        || "._-".contains(character)
    }
  }

  private static func unknown(_ text: String) -> StoreError {
    StoreError(
      .invalid, "is no source of a baseline", object: text,
      remedy: "write postgres:SERVICE, command:CMD, directory:DIR, tar:FILE, tar:-, dump:FILE or "
        + "branch:NAME")
  }
}
