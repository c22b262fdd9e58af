internal import CLinux
internal import Glibc

/// How a process has ended.
public enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
  /// By itself, with a status.
  case exited(Int32)
  /// By a signal.
  case killed(Int32)
  /// It has, but nobody knows how: whoever was to be told has ended before.
  case unknown

  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7F
    self = signal == 0 ? .exited((waitStatus >> 8) & 0xFF) : .killed(signal)
  }

  public var description: String {
    switch self {
    case .exited(let status): "ended with status \(status)"
    case .killed(let signal): "was killed by signal \(signal)"
    case .unknown: "ended, and nobody saw how"
    }
  }
}

/// What a process can be told by a signal.
public enum ProcessSignal: UInt8, Hashable, Sendable, CaseIterable {
  case hangUp, interrupt, quit, terminate, kill

  var number: Int32 {
    switch self {
    case .hangUp: SIGHUP
    case .interrupt: SIGINT
    case .quit: SIGQUIT
    case .terminate: SIGTERM
    case .kill: SIGKILL
    }
  }
}

/// A program that this process has started and not yet collected. Used by one thread.
public final class ChildProcess: Sendable {
  /// The program's number, as this process sees it.
  public let identifier: Int32
  /// For waiting: readable once it has ended, and, where it has a root of its own, with it all that
  /// it started.
  public let descriptor: ProcessDescriptor
  private let child: Int32
  private let ends: HostFile

  init(_ started: clinux_started) {
    identifier = started.process
    descriptor = ProcessDescriptor(
      HostFile(owning: started.descriptor, path: "process \(started.process)"))
    child = started.child
    ends = HostFile(owning: started.ends, path: "pipe")
  }

  /// Waits for its end and has the kernel forget it. Call it once.
  public func collect() throws(SystemError) -> ProcessEnd {
    var status: Int32 = 0
    try system("waitpid", "\(child)") { clinux_collect(child, &status) }
    // Whoever watched over the program says how it ended, if it came to that.
    var programStatus: Int32 = 0
    let count = read(ends.fileDescriptor, &programStatus, 4)
    return ProcessEnd(waitStatus: count == 4 ? programStatus : status)
  }
}

/// A process, whatever becomes of its number.
public final class ProcessDescriptor: Sendable {
  /// Readable once the process has ended.
  public let file: HostFile

  public init(_ file: HostFile) { self.file = file }

  /// Does nothing when it has ended.
  /// - Throws: when this process may not.
  public func send(_ signal: ProcessSignal) throws(SystemError) {
    do throws(SystemError) {
      try system("pidfd_send_signal", file.path) {
        clinux_signal_descriptor(file.fileDescriptor, signal.number)
      }
    } catch {
      if error.code != ESRCH { throw error }
    }
  }

  /// Returns once it has ended.
  public func waitForEnd() throws(SystemError) {
    _ = try HostFile.waitForAny(of: [file])
  }
}
