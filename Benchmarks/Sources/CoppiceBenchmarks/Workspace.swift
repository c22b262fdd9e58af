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
    _ = try output(of: command, environment: environment)
  }

  /// Closes what the program would inherit besides its streams: a server that it leaves behind
  /// would keep open what tells that the program itself has ended.
  private static let closing =
    "for f in /proc/self/fd/*; do f=${f##*/}; [ $f -le 2 ] || eval \"exec $f>&-\"; done; "
    + "exec \"$@\""

  /// As `run`; returns what the program printed.
  static func output(
    of command: [String], environment: [String: String] = [:]
  ) throws -> String {
    let base = FileManager.default.temporaryDirectory.path + "/coppice-bench-\(getpid())"
    // Files, not pipes: a server that the program leaves behind may keep them open.
    let streams = ["\(base)-output", "\(base)-errors"].map { URL(fileURLWithPath: $0) }
    for stream in streams { try Data().write(to: stream) }
    defer { for stream in streams { try? FileManager.default.removeItem(at: stream) } }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", closing, "bash"] + command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = try FileHandle(forWritingTo: streams[0])
    process.standardError = try FileHandle(forWritingTo: streams[1])
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let text = try Data(contentsOf: streams[1])
      throw CommandFailed(
        description: "\(command.joined(separator: " ")) ended with \(process.terminationStatus): "
          + String(decoding: text.suffix(2000), as: UTF8.self))
    }
    return String(decoding: try Data(contentsOf: streams[0]), as: UTF8.self)
  }
}

extension FileTree {
  func open(_ path: String) throws -> File { try open(lookup(BranchPath(path))) }
}
