internal import CLinux
internal import Glibc

/// The machine's C library.
public enum HostLibrary {
  /// As `2.36`. By it the order of texts may differ.
  public static var version: String { String(cString: clinux_library_version()) }
}

/// Runs programs of the machine to their end, for what they print.
public enum HostProgram {
  public struct Result: Sendable {
    /// The exit status, or 128 and the signal's number.
    public var status: Int32
    /// What it printed, as output and as errors.
    public var output: [UInt8]
  }

  /// No variable of this process's environment; messages in English.
  private static let environment = ["PATH=/usr/bin:/bin", "LC_ALL=C"]
  private static let outputByteCountMax = 1 << 20

  /// Runs a program by its path, without a shell and without input, under this process's user, and
  /// waits. Throws `ETIMEDOUT` when it runs longer than that, `EFBIG` when it prints more than a
  /// MiB; then it is ended.
  public static func run(
    _ program: String, _ arguments: [String], within time: Duration
  ) throws(SystemError) -> Result {
    let (process, reader) = try start(program, arguments)
    do throws(SystemError) {
      let output = try read(reader, of: program, within: time)
      return Result(status: try wait(for: process, program), output: output)
    } catch {
      kill(process, SIGKILL)
      _ = try wait(for: process, program)
      throw error
    }
  }

  /// Also returns the end of a pipe that what it prints comes from. The other end is closed here,
  /// so that this one ends with the program.
  private static func start(
    _ program: String, _ arguments: [String]
  ) throws(SystemError) -> (process: Int32, reader: HostFile) {
    let (reader, writer) = try HostFile.makePipe()
    let words = ([program] + arguments).map { $0.withPath { strdup($0) } } + [nil]
    let variables = environment.map { strdup($0) } + [nil]
    defer { for word in words + variables { free(word) } }
    let process = try withExtendedLifetime(writer) { () throws(SystemError) in
      try system("posix_spawn", program) {
        clinux_start_program(
          words[0], words, variables, -1, writer.fileDescriptor, writer.fileDescriptor)
      }
    }
    return (process, reader)
  }

  private static func read(
    _ reader: HostFile, of program: String, within time: Duration
  ) throws(SystemError) -> [UInt8] {
    let end = ContinuousClock.now + time
    var output = [UInt8](repeating: 0, count: outputByteCountMax + 1)
    let count: Int
    do throws(SystemError) {
      count = try output.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try reader.readNext(into: UnsafeMutableRawBufferPointer(buffer)) {
          ContinuousClock.now < end
        }
      }
    } catch {
      guard error.isCancelled else { throw error }
      throw SystemError(call: "read", path: program, code: ETIMEDOUT)
    }
    guard count <= outputByteCountMax else {
      throw SystemError(call: "read", path: program, code: EFBIG)
    }
    return Array(output[..<count])
  }

  private static func wait(for process: Int32, _ program: String) throws(SystemError) -> Int32 {
    var status: Int32 = 0
    try system("waitpid", program) { waitpid(process, &status, 0) }
    let signal = status & 0x7F
    return signal == 0 ? status >> 8 & 0xFF : 128 + signal
  }
}
