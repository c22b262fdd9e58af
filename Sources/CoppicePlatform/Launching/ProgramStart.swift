internal import CLinux
internal import Glibc

/// A program to be started by a process that has one thread, with what it may see and do.
public struct ProgramStart: Sendable {
  /// The user that it becomes, for good and without any capability.
  public struct Identity: Hashable, Sendable {
    public var user: UInt32
    public var group: UInt32

    public init(user: UInt32, group: UInt32) {
      self.user = user
      self.group = group
    }
  }

  /// From the top of the root directory that it gets.
  public var program: String
  public var arguments: [String]
  /// All of its environment: it inherits nothing.
  public var environment: [String: String]
  /// `nil`: it stays the user of this process.
  public var identity: Identity?
  /// `nil`: it has the machine's files, processes and network.
  public var root: NewRoot?
  /// What the kernel adds when it looks for processes to end for want of memory, -1000 to 1000.
  public var outOfMemoryScore: Int?
  /// At most what this process may have itself.
  public var openFileCountMax: UInt64?
  /// Of all processes and threads of its user; at most what this process may have itself.
  public var processCountMax: UInt64?

  public init(_ program: String, _ arguments: [String] = []) {
    self.program = program
    self.arguments = arguments
    environment = [:]
  }

  /// Starts the program and returns once it is executed. It is killed when this thread ends.
  /// - Parameter log: its standard output and error; its input is empty.
  /// - Throws: which step failed: the call, what on, and errno.
  public func start(log: HostFile) throws(SystemError) -> ChildProcess {
    try start(log: log, isTrial: false)
  }

  /// Does all of it but executing the program, to see whether it can be done.
  public func attempt() throws(SystemError) {
    let ends = try HostFile.makePipe()
    _ = try start(log: ends.writer, isTrial: true).collect()
  }

  private func start(log: HostFile, isTrial: Bool) throws(SystemError) -> ChildProcess {
    var texts = CTexts()
    defer { texts.free() }
    var start = clinux_start()
    start.program = UnsafePointer(texts.text(program))
    start.log = log.fileDescriptor
    start.is_trial = isTrial ? 1 : 0
    if let identity {
      start.has_identity = 1
      start.user = identity.user
      start.group = identity.group
    }
    if let outOfMemoryScore {
      start.has_score = 1
      start.score = Int32(outOfMemoryScore)
    }
    start.open_file_max = openFileCountMax ?? 0
    start.process_max = processCountMax ?? 0
    let words = ([program] + arguments).map { texts.text($0) } + [nil]
    let settings =
      environment.sorted { $0.key < $1.key }
      .map { texts.text("\($0.key)=\($0.value)") } + [nil]
    let items = (root?.items ?? []).map { item in
      clinux_root_item(
        kind: item.content.kind, tree: item.content.tree,
        path: UnsafePointer(texts.text(String(item.path.dropFirst()))),
        text: UnsafePointer(item.content.text.map { texts.text($0) } ?? nil))
    }
    var started = clinux_started()
    var failure = clinux_start_failure()
    let result = words.withUnsafeBufferPointer { words in
      settings.withUnsafeBufferPointer { settings in
        items.withUnsafeBufferPointer { items in
          start.arguments = words.baseAddress
          start.environment = settings.baseAddress
          if root != nil {
            start.items = items.baseAddress
            start.item_count = items.count
          }
          return clinux_start(&start, &started, &failure)
        }
      }
    }
    guard result == 0 else { throw error(failure) }
    return ChildProcess(started)
  }

  private func error(_ failure: clinux_start_failure) -> SystemError {
    let place = root.map { $0.items.indices.contains(Int(failure.item)) ? $0.items : [] } ?? []
    let (call, object): (String, String) =
      switch Int(failure.step) {
      case clinux_step_process: ("clone", "")
      case clinux_step_namespaces: ("clone", "of new namespaces")
      case clinux_step_root: ("mount", "/")
      case clinux_step_item: ("mount", place.isEmpty ? "" : place[Int(failure.item)].path)
      case clinux_step_pivot: ("pivot_root", "/")
      case clinux_step_loopback: ("ioctl", "of the loopback interface")
      case clinux_step_score: ("write", "/proc/self/oom_score_adj")
      case clinux_step_limits: ("setrlimit", "")
      case clinux_step_capabilities: ("prctl", "of capabilities")
      case clinux_step_user: ("setresuid", identity.map { "\($0.user)" } ?? "")
      case clinux_step_filter: ("seccomp", "")
      case clinux_step_session: ("setsid", "")
      case clinux_step_streams: ("dup2", "of the standard streams")
      case clinux_step_program: ("execve", program)
      default: preconditionFailure("a step \(failure.step) that is none")
      }
    return SystemError(call: call, path: object, code: failure.code)
  }
}

/// Texts as C has them, as long as a call needs them.
private struct CTexts {
  private var texts: [UnsafeMutablePointer<CChar>?] = []

  mutating func text(_ text: String) -> UnsafeMutablePointer<CChar>? {
    let copy = text.withPath { strdup($0) }
    texts.append(copy)
    return copy
  }

  mutating func free() {
    for text in texts { Glibc.free(text) }
    texts = []
  }
}
