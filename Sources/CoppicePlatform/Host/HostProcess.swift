internal import CLinux
internal import Glibc

/// Processes of the machine.
public enum HostProcess {
  /// This process's number, unique among those that run.
  public static var identifier: Int32 { getpid() }

  /// The user in whose name this process acts.
  public static var user: UInt32 { geteuid() }
  /// The group in whose name this process acts.
  public static var group: UInt32 { getegid() }

  /// What the machine calls itself.
  public static var machineName: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let name = buffer.baseAddress, gethostname(name, buffer.count - 1) == 0 else {
        return ""
      }
      name[buffer.count - 1] = 0
      return text(name)
    }
  }

  /// Tells one start of the machine from every other; empty where the kernel does not say.
  public static var bootID: String {
    guard let file = try? HostFile(reading: "/proc/sys/kernel/random/boot_id") else { return "" }
    return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      let count = (try? file.readNext(into: buffer)) ?? 0
      return String(decoding: buffer.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
    }
  }

  /// Bytes of the pages that the kernel manages memory in.
  public static var memoryPageByteCount: Int { max(4096, sysconf(Int32(_SC_PAGESIZE))) }

  /// The words that this process was started with, after the program's name, as `ByteText` has
  /// them.
  public static var arguments: [String] {
    (0..<Int(CommandLine.argc)).dropFirst().compactMap { index in
      CommandLine.unsafeArgv[index].map(text)
    }
  }

  /// A variable of the environment, as `ByteText` has it; `nil` when it is not set.
  public static func variable(_ name: String) -> String? { getenv(name).map(text) }

  private static func text(_ word: UnsafeMutablePointer<CChar>) -> String {
    ByteText.text(writtenAs: UnsafeRawBufferPointer(start: word, count: strlen(word)))
  }

  /// The program that this process runs.
  public static func executablePath() throws(SystemError) -> String {
    ByteText.text(try HostDirectory(path: "/proc/self").readSymbolicLink(Array("exe".utf8)))
  }

  /// Starts a program that outlives this process: in a session and directory of its own, without
  /// input. It gets `log` for what it prints and `report` as its descriptor 3, and no other.
  @discardableResult
  public static func startDetached(
    _ program: String, _ arguments: [String], log: HostFile, report: HostFile
  ) throws(SystemError) -> Int32 {
    let words = ([program] + arguments).map { $0.withPath { strdup($0) } } + [nil]
    defer { for word in words { free(word) } }
    return try system("posix_spawn", program) {
      clinux_start_detached(words[0], words, log.fileDescriptor, report.fileDescriptor)
    }
  }

  /// Becomes another program, one that PATH leads to, with more variables in its environment.
  /// Returns only why that failed.
  public static func become(
    _ program: String, _ arguments: [String], adding variables: [(name: String, value: String)]
  ) -> SystemError {
    for (name, value) in variables {
      name.withPath { name in value.withPath { value in _ = setenv(name, value, 1) } }
    }
    let words = ([program] + arguments).map { $0.withPath { strdup($0) } } + [nil]
    defer { for word in words { free(word) } }
    if let name = words[0] { execvp(name, words) }
    return SystemError(call: "execvp", path: program, code: errno)
  }

  /// Has signals do to this process what they do to any, whatever it inherited.
  public static func resetSignals() {
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    for number in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2] {
      signal(number, SIG_DFL)
    }
  }

  /// Waits for the end of a process that this one started, which is then forgotten.
  public static func collect(_ process: Int32) throws(SystemError) -> ProcessEnd {
    var status: Int32 = 0
    try system("waitpid", "\(process)") { clinux_collect(process, &status) }
    return ProcessEnd(waitStatus: status)
  }

  /// Waits until a process has ended. Returns false when it still runs after that time.
  public static func waitForEnd(
    of process: Int32, milliseconds: Int32
  ) throws(SystemError) -> Bool {
    do throws(SystemError) {
      let descriptor = try system("pidfd_open", "\(process)") {
        clinux_process_descriptor(process)
      }
      defer { close(descriptor) }
      var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      return try system("poll", "\(process)") { poll(&item, 1, milliseconds) } > 0
    } catch {
      if error.code == ESRCH { return true }
      throw error
    }
  }

  /// Ends this process as the kernel does one that writes to a stream that nobody reads.
  public static func endOfBrokenPipe() -> Never {
    signal(SIGPIPE, SIG_DFL)
    // Threads of pools block signals, and a blocked one ends nothing.
    var pipe = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_UNBLOCK, &pipe, nil)
    raise(SIGPIPE)
    // The first process of a container is spared by signals.
    _exit(128 + SIGPIPE)
  }

  /// The numbers of other processes that have the file open, as far as this user may know.
  public static func identifiers(havingOpen path: String) -> [Int32] {
    guard let sought = HostPath.resolved(path) else { return [] }
    do throws(SystemError) {
      return try HostDirectory(path: "/proc").names().compactMap { name in
        Int32(String(decoding: name, as: UTF8.self))
      }.filter { $0 != identifier && hasOpen($0, sought) }
    } catch {
      return []
    }
  }

  /// Whether a process has that end of a pipe open, as far as this user may know.
  public static func has(_ process: Int32, endOf pipe: HostStatus, forWriting: Bool) -> Bool {
    do throws(SystemError) {
      let place = "/proc/\(process)/fd"
      let files = try HostDirectory(path: place)
      let bit: UInt32 = forWriting ? 0o200 : 0o400
      // The link's own mode says what the descriptor is open for.
      for name in try files.names() where try files.status(of: name).permissions & bit != 0 {
        let text = String(decoding: name, as: UTF8.self)
        let status = try HostFile(locating: "\(place)/\(text)").status()
        if status.device == pipe.device, status.inode == pipe.inode { return true }
      }
      return false
    } catch {
      // It has ended, or is another user's.
      return false
    }
  }

  private static func hasOpen(_ process: Int32, _ path: String) -> Bool {
    do throws(SystemError) {
      let files = try HostDirectory(path: "/proc/\(process)/fd")
      for name in try files.names() {
        let target = try files.readSymbolicLink(name)
        if ByteText.text(target) == path { return true }
      }
      return false
    } catch {
      // It has ended, or is another user's.
      return false
    }
  }
}
