internal import Glibc

/// A program run as a real process by a test, without a shell.
public struct Program: Sendable {
  public struct Result: Sendable {
    /// The exit status, or 128 and the signal's number.
    public var status: Int32
    public var output: [UInt8]
    public var errors: String

    public var text: String { String(decoding: output, as: UTF8.self) }
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String

    public init(description: String) { self.description = description }
  }

  public var path: String
  public var environment: [String: String]

  /// `path` without a slash is looked up in PATH.
  public init(_ path: String, environment: [String: String] = [:]) {
    self.path = path
    self.environment = environment
  }

  /// Runs the program to its end. Standard input is `input`'s file, else empty.
  public func run(
    _ arguments: [String], in directory: String? = nil, input: String = "/dev/null",
    output: String? = nil
  ) throws -> Result {
    let running = try start(arguments, in: directory, input: input, output: output)
    return try running.wait()
  }

  /// Runs the program and throws what it printed unless its exit status is 0.
  @discardableResult
  public func check(
    _ arguments: [String], in directory: String? = nil, input: String = "/dev/null",
    output: String? = nil
  ) throws -> Result {
    let result = try run(arguments, in: directory, input: input, output: output)
    guard result.status == 0 else {
      throw Failure(
        description: "\(path) \(arguments) ended with \(result.status): \(result.errors)")
    }
    return result
  }

  /// Starts the program; the caller waits for it. Its output goes to the file `output`, or into the
  /// result.
  public func start(
    _ arguments: [String], in directory: String? = nil, input: String = "/dev/null",
    output: String? = nil
  ) throws -> Running {
    let folder = try TemporaryFolder()
    let outputPath = output ?? "\(folder.path)/output"
    let errorPath = "\(folder.path)/errors"

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let creating = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, creating, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errorPath, creating, 0o600)

    // Threads that run tests block signals, which programs would inherit.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var variables: [String: String] = [:]
    var place = environ
    while let entry = place.pointee {
      let parts = String(cString: entry).split(separator: "=", maxSplits: 1)
      variables[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
      place += 1
    }
    variables.merge(environment) { $1 }

    var pid = pid_t()
    // `env -C` becomes the program itself, in the directory.
    let moving = directory.map { ["env", "-C", $0] } ?? []
    let words = (moving + [path] + arguments).map { strdup($0) } + [nil]
    let settings = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    let code = posix_spawnp(
      &pid, moving.first ?? path, &actions, &attributes, words, settings)
    guard code == 0 else {
      throw Failure(description: "cannot start \(path): \(String(cString: strerror(code)))")
    }
    return Running(
      pid: pid, outputPath: output == nil ? outputPath : nil, errorPath: errorPath,
      folder: folder)
  }

  /// A process that was started and not yet waited for.
  public struct Running: Sendable {
    public let pid: Int32
    let outputPath: String?
    /// Where its errors are written.
    public let errorPath: String
    let folder: TemporaryFolder

    public func wait() throws -> Result {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) == -1 {
        guard errno == EINTR else { throw Failure(description: "waitpid failed: \(errno)") }
      }
      let signal = status & 0x7F
      return Result(
        status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
        output: try outputPath.map { try TemporaryFolder.bytes(of: $0) } ?? [],
        errors: String(decoding: try TemporaryFolder.bytes(of: errorPath), as: UTF8.self))
    }

    public func send(signal: Int32) { _ = kill(pid, signal) }
  }

  /// Whether PATH, or the path itself, leads to a program.
  public var isInstalled: Bool {
    if path.contains("/") { return access(path, X_OK) == 0 }
    let folders = getenv("PATH").map { String(cString: $0) } ?? ""
    return folders.split(separator: ":").contains { access("\($0)/\(path)", X_OK) == 0 }
  }
}
