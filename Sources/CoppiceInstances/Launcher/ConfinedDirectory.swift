internal import CoppiceErrors
internal import CoppicePlatform

/// A directory of the machine below which all that is named must lie: no symbolic link, no mount
/// and no `..` leads out of it.
struct ConfinedDirectory {
  let path: PlainPath
  /// For messages.
  private let name: String
  private let file: HostFile

  /// - Parameter name: for messages, such as 'the mount'.
  init(_ path: PlainPath, _ name: String) throws(StoreError) {
    self.path = path
    self.name = name
    do throws(SystemError) {
      file = try StrictPath.open(path.text, isDirectory: true)
    } catch {
      throw StoreError(error, opening: name, path.text)
    }
  }

  func status() throws(StoreError) -> HostStatus { try Self.status(of: file) }

  /// Opens what lies below it, for locating.
  func open(
    _ path: PlainPath, _ name: String, isDirectory: Bool
  ) throws(StoreError) -> HostFile {
    guard let names = path.names(beneath: self.path) else {
      throw StoreError(
        .denied, "\(name) does not lie below \(self.name) \(self.path.text)", object: path.text,
        remedy: "name a path below it")
    }
    do throws(SystemError) {
      return try StrictPath.open(
        names.joined(separator: "/"), beneath: file, isDirectory: isDirectory)
    } catch {
      throw StoreError(error, opening: name, path.text)
    }
  }

  static func status(of file: HostFile) throws(StoreError) -> HostStatus {
    do throws(SystemError) { return try file.status() } catch {
      throw StoreError(error, opening: "what is started", file.path)
    }
  }
}

extension StoreError {
  /// Of something that an instance needs and that cannot be opened.
  /// - Parameter name: what it is, such as 'the data directory'.
  init(_ error: SystemError, opening name: String, _ path: String) {
    let cause = error.description
    if error.isDetour {
      self.init(
        .denied, "on the way to \(name) there is a symbolic link, or another mount", object: path,
        remedy: "name a path that goes through none, as 'realpath' tells it", cause: cause)
    } else if error.isMissing {
      self.init(
        .notFound, "\(name) is missing", object: path,
        remedy: "look whether the mount is still there, and what is in it, by 'ls'",
        cause: cause)
    } else if error.isNotDirectory {
      self.init(
        .invalid, "\(name) is no directory", object: path, remedy: "name a directory",
        cause: cause)
    } else {
      self.init(
        .unavailable, "\(name) cannot be opened", object: path,
        remedy: "look whether its file system answers, and try again", cause: cause,
        reason: error.isPassing ? .passing : nil)
    }
  }
}
