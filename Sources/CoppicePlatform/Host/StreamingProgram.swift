internal import CLinux
internal import Glibc
internal import Synchronization

/// A program of the machine that runs beside this process: its output is a stream for whoever
/// reads, and of its errors the last are kept. Its input is what it was given, or empty.
///
/// It has a session of its own: what it starts is ended with it. Where this process is root, the
/// program runs as a user of the machine, with that user's home directory and groups, and is killed
/// when the thread that started it ends.
public final class StreamingProgram: Sendable {
  private static let errorByteCountMax = 1 << 14

  public let identifier: Int32
  /// What it prints as output; ends with it.
  public let output: HostFile

  private struct State {
    var errors: [UInt8] = []
    var end: ProcessEnd?
  }

  private let state = Mutex(State())
  private let errorReader: Mutex<SystemThread?>

  /// - Parameters:
  ///   - program: its path.
  ///   - user: as whom it runs; this process's user where that is not root.
  ///   - inherited: names of variables that it has as this process has them; of others it has only
  ///     the few that every program needs.
  ///   - input: what it reads; nothing without.
  ///   - confinement: a directory, for a program that does what somebody else tells it. Where this
  ///     process is root, it then sees of the machine's files that directory and, for reading, the
  ///     system's programs; it reaches no network, gains no rights, is in no group but the one of
  ///     the user's number, whether or not the machine knows that, and nothing that it started
  ///     outlives it.
  public init(
    _ program: String, _ arguments: [String], as user: UInt32, inheriting inherited: [String] = [],
    reading input: HostFile? = nil, confinedTo confinement: String? = nil
  ) throws(SystemError) {
    let (output, outputWriter) = try HostFile.makePipe()
    let (errors, errorWriter) = try HostFile.makePipe()
    let words =
      confinement.map { Self.confinedWords(program, arguments, user, $0) }
      ?? Self.words(program, arguments, user, inherited)
    let texts = words.map { $0.withPath { strdup($0) } } + [nil]
    let environment = Self.environment.map { strdup($0) } + [nil]
    defer { for text in texts + environment { free(text) } }
    identifier = try withExtendedLifetime((input, outputWriter, errorWriter)) {
      () throws(SystemError) in
      try system("posix_spawn", program) {
        clinux_start_program(
          texts[0], texts, environment, input?.fileDescriptor ?? -1, outputWriter.fileDescriptor,
          errorWriter.fileDescriptor)
      }
    }
    self.output = output
    errorReader = Mutex(nil)
    do throws(SystemError) {
      let thread = try SystemThread(name: "errors") { [self] in keep(errors) }
      errorReader.withLock { $0 = thread }
    } catch {
      end()
      throw error
    }
  }

  /// Its home is where users keep the passwords and services of their programs.
  private static var environment: [String] {
    ["PATH=/usr/bin:/bin", "LC_ALL=C"]
      + (HostProcess.variable("HOME").map { ["HOME=\($0)"] } ?? [])
  }

  private static func words(
    _ program: String, _ arguments: [String], _ user: UInt32,
    _ inherited: [String]
  ) -> [String] {
    let settings =
      ["LC_ALL=C"]
      + inherited.compactMap { name in
        HostProcess.variable(name).map { "\(name)=\($0)" }
      }
    let command = ["/usr/bin/env"] + settings + [program] + arguments
    guard HostProcess.user == 0 else { return command }
    return [
      "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(HostUser.group(of: user))", "--init-groups",
      "--reset-env", "--pdeathsig=KILL",
    ] + command
  }

  /// As the first process of a namespace it takes all others in that with it when it ends.
  private static func confinedWords(
    _ program: String, _ arguments: [String], _ user: UInt32, _ directory: String
  ) -> [String] {
    let command =
      ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C", program] + arguments
    guard HostProcess.user == 0 else { return command }
    // Where the program's own version lies, with its libraries.
    let programs = HostPath.split(HostPath.split(program).folder).folder
    return [
      "/usr/bin/setpriv", "--pdeathsig=KILL",
      "/usr/bin/unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL",
      "/bin/sh", "-c", root, "sh", directory, programs,
      "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups",
      "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--pdeathsig=KILL",
    ] + command
  }

  /// Makes a root of what a confined program sees, in a namespace of mounts that is its own, and
  /// executes it there. Its words are the directory, that of the programs, and the program.
  private static let root = """
    set -e
    mount -t tmpfs -o mode=755,size=1m coppice /mnt
    for place in /usr /bin /sbin /lib /lib32 /lib64 /libx32 "$2"; do
      if [ -L "$place" ]; then
        cp -P "$place" "/mnt$place"
      elif [ -d "$place" ] && ! [ -e "/mnt$place" ]; then
        mkdir -p "/mnt$place"
        mount --bind "$place" "/mnt$place"
        mount -o remount,bind,ro "/mnt$place"
      fi
    done
    mkdir -p /mnt/dev "/mnt$1"
    mount --bind "$1" "/mnt$1"
    : >/mnt/dev/null
    mount --bind /dev/null /mnt/dev/null
    shift 2
    exec /usr/sbin/chroot /mnt "$@"
    """

  private func keep(_ errors: HostFile) {
    var buffer = [UInt8](repeating: 0, count: 1 << 12)
    while true {
      let count = buffer.withUnsafeMutableBytes {
        (try? errors.readSome(into: $0) { state.withLock { $0.end == nil } }) ?? 0
      }
      if count == 0 { return }
      state.withLock { state in
        state.errors += buffer[..<count]
        let surplus = state.errors.count - Self.errorByteCountMax
        if surplus > 0 { state.errors.removeFirst(surplus) }
      }
    }
  }

  /// The last of what it printed as errors: all of it once it has ended.
  public var errors: String {
    state.withLock { String(decoding: $0.errors, as: UTF8.self) }
  }

  /// The last lines of its errors, as one.
  public var lastWords: String {
    let lines = errors.split(separator: "\n").suffix(Self.lineCountMax)
    return lines.isEmpty ? "it said nothing" : lines.joined(separator: "; ")
  }

  private static let lineCountMax = 3

  /// Reads its output until that or the program ends, and keeps nothing. Throws `ECANCELED` when it
  /// is not wanted any more.
  public func passOver(while isWanted: () -> Bool) throws(SystemError) {
    var buffer = [UInt8](repeating: 0, count: 1 << 12)
    var hasEnded = false
    while !hasEnded {
      do throws(SystemError) {
        let count = try buffer.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
          try output.readNext(into: UnsafeMutableRawBufferPointer(buffer)) {
            // What it has started, and left, may go on holding its output.
            hasEnded = (try? end(within: 0)) != nil
            return !hasEnded && isWanted()
          }
        }
        if count < buffer.count { return }
      } catch {
        if !hasEnded { throw error }
      }
    }
  }

  /// Tells it to end as `kill` does by itself, or as Ctrl-C does.
  public func signal(_ signal: ProcessSignal) {
    state.withLock { state in
      if state.end == nil { kill(identifier, signal.number) }
    }
  }

  /// Waits for its end, and ends what it leaves in its session.
  public func wait() throws(SystemError) -> ProcessEnd {
    if let end = state.withLock({ $0.end }) { return end }
    // Its number stays its own until it is collected.
    while try !HostProcess.waitForEnd(of: identifier, milliseconds: 60_000) {}
    let end = try state.withLock { state throws(SystemError) in
      if let end = state.end { return end }
      kill(-identifier, SIGKILL)
      let end = try HostProcess.collect(identifier)
      state.end = end
      return end
    }
    errorReader.withLock { $0 }?.join()
    return end
  }

  /// Waits for its end so long. Returns `nil` while it runs.
  public func end(within milliseconds: Int32) throws(SystemError) -> ProcessEnd? {
    try HostProcess.waitForEnd(of: identifier, milliseconds: milliseconds) ? try wait() : nil
  }

  /// Kills it, and all that it started, and waits for its end.
  public func end() {
    state.withLock { state in
      if state.end == nil { kill(-identifier, SIGKILL) }
    }
    _ = try? wait()
  }
}
