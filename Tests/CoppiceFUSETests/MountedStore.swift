import Coppice
import CoppicePlatform
import Glibc
import TestSupport
import Testing

extension MountRequirement {
  static let comment = Testing.Comment(rawValue: text)
}

/// How a store is mounted: words of `MountDriver`.
enum MountMode: String, CaseIterable {
  case plain
  case writeback
  case rings

  /// Those that this machine has.
  static var all: [MountMode] { allCases.filter { $0 != .rings || RingSetting.isThere } }
}

/// A store with a branch `main`, mounted by a process of its own.
final class MountedStore {
  /// Where the build put its products: beside the running test.
  static let driver: String = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/MountDriver"
  }()

  let folder: TemporaryFolder
  let store: String
  let directory: String
  private let mode: MountMode
  private var process: Program.Running?
  private var input: Int32 = -1
  private var output: UnsafeMutablePointer<FILE>?
  /// Lines that the driver logged.
  private(set) var log: [String] = []

  /// - Parameter place: where the store is, or is to be made; by default in the folder.
  init(_ mode: MountMode = .plain, at place: String? = nil) throws {
    folder = try TemporaryFolder()
    guard chmod(folder.path, 0o755) == 0 else { throw Program.Failure(description: "chmod") }
    store = place ?? folder("store")
    directory = folder("mount")
    self.mode = mode
    // The driver makes the store: programs that other tests start could inherit its lock from here.
    mkdir(directory, 0o755)
    try start()
  }

  deinit {
    if process != nil { kill() }
    _ = try? Program("umount").run(["-l", directory])
  }

  /// The path of a name in the branch `main`.
  func callAsFunction(_ name: String) -> String { "\(directory)/main/\(name)" }

  // MARK: The process

  func start() throws {
    // Named pipes: no other process that a test starts can inherit their ends.
    let requests = folder("requests")
    let answers = folder("answers")
    for pipe in [requests, answers] {
      unlink(pipe)
      guard mkfifo(pipe, 0o600) == 0 else { throw Program.Failure(description: "no pipe") }
    }
    input = open(requests, O_RDWR | O_CLOEXEC)
    let reader = open(answers, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard fcntl(reader, F_SETFL, 0) == 0, let stream = fdopen(reader, "r") else {
      throw Program.Failure(description: "no stream: \(errno)")
    }
    output = stream
    process = try Program(Self.driver).start(
      [store, directory, mode.rawValue], input: requests, output: answers)
    let line = try nextLine()
    guard line == "ready" else { throw Program.Failure(description: "the driver said: \(line)") }
    let isByRings = log.last == "the kernel passes requests by rings"
    guard isByRings == (mode == .rings) else {
      throw Program.Failure(description: "not mounted as it should be: \(log)")
    }
  }

  private func nextLine() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    while let output, fgets(&buffer, Int32(buffer.count), output) != nil {
      let bytes = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
      let line = String(decoding: bytes, as: UTF8.self)
      guard line.hasPrefix("log ") else { return line }
      log.append(String(line.dropFirst(4)))
    }
    throw Program.Failure(description: "the driver is gone")
  }

  /// Sends the driver a request; returns its answer.
  func ask(_ request: String) throws -> String {
    let line = request + "\n"
    guard write(input, line, line.utf8.count) == line.utf8.count else {
      throw Program.Failure(description: "the driver takes no requests")
    }
    return try nextLine()
  }

  /// Sends the driver a request that must succeed.
  func tell(_ request: String) throws {
    let answer = try ask(request)
    guard answer == "done" else { throw Program.Failure(description: "\(request): \(answer)") }
  }

  private func closeStreams() {
    close(input)
    if let output { fclose(output) }
    output = nil
  }

  /// Has the driver unmount and end.
  func stop() throws {
    close(input)
    input = -1
    let line = try nextLine()
    closeStreams()
    let result = try process?.wait()
    process = nil
    guard line == "stopped", result?.status == 0 else {
      throw Program.Failure(description: "the driver said \(line): \(result?.errors ?? "")")
    }
  }

  /// Runs `body` while the process does nothing.
  func whilePaused(_ body: () throws -> Void) rethrows {
    process?.send(signal: SIGSTOP)
    defer { process?.send(signal: SIGCONT) }
    try body()
  }

  /// SIGKILL: nothing is written, flushed or unmounted.
  func kill() {
    process?.send(signal: SIGKILL)
    _ = try? process?.wait()
    process = nil
    closeStreams()
  }

  /// What `Store` sees once the mount has stopped.
  func withStore<Result>(_ body: (Store) throws -> Result) throws -> Result {
    let store = try Store.open(at: store)
    let result = try body(store)
    try store.close()
    return result
  }
}
