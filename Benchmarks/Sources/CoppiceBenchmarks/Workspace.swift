internal import Coppice
internal import Foundation

/// The directory that everything is made in; removed at the end.
struct Workspace {
  let path: String

  init() throws {
    let base = ProcessInfo.processInfo.environment["COPPICE_BENCH_DIRECTORY"] ?? "/var/tmp"
    path = "\(base)/coppice-bench-\(getpid())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    // PostgreSQL works below it as another user.
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// A path below the workspace where nothing is.
  func fresh(_ name: String) -> String {
    let place = "\(path)/\(name)"
    try? FileManager.default.removeItem(atPath: place)
    return place
  }

  /// Bytes that the files below a directory take on disk.
  static func storedByteCount(_ directory: String) -> Int {
    var total = 0
    let names = FileManager.default.enumerator(atPath: directory)
    while let name = names?.nextObject() as? String {
      var status = stat()
      if lstat("\(directory)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG {
        total += Int(status.st_blocks) * 512
      }
    }
    return total
  }

  /// Reads all files below a directory, so that all who read them later find them in memory.
  static func warm(_ directory: String) throws {
    try run(["find", directory, "-type", "f", "-exec", "cat", "{}", "+"])
  }

  /// Whether the machine's page cache could be emptied.
  @discardableResult
  static func dropCaches() -> Bool {
    sync()
    let file = open("/proc/sys/vm/drop_caches", O_WRONLY)
    guard file >= 0 else { return false }
    defer { close(file) }
    return write(file, "3\n", 2) == 2
  }

  struct CommandFailed: Error, CustomStringConvertible {
    var description: String
  }

  /// Runs a program to its end; its output is shown only when it fails.
  static func run(_ command: [String], environment: [String: String] = [:]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let errors = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    let text = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CommandFailed(
        description: "\(command.joined(separator: " ")) ended with \(process.terminationStatus): "
          + String(decoding: text.suffix(2000), as: UTF8.self))
    }
  }
}

extension FileTree {
  func open(_ path: String) throws -> File { try open(lookup(BranchPath(path))) }
}
