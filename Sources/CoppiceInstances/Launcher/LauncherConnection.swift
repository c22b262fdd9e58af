internal import CoppiceErrors
internal import CoppicePlatform

/// The server's end of the connection to its launcher.
///
/// Requests are made by any thread and wait for their reply; one thread of its own receives, and
/// tells of ends.
final class LauncherConnection: @unchecked Sendable {
  typealias EndHandler = @Sendable (ProcessEnd) -> Void

  private struct Running {
    let descriptor: ProcessDescriptor
    let whenEnded: EndHandler
  }

  /// A start that somebody waits for.
  private enum Start {
    case asked(EndHandler)
    case started(process: Int32, log: HostFile)
    case failed(StoreError)
  }

  private let socket: MessageSocket
  /// The launcher's process.
  let process: Int32
  /// Guards what follows.
  private let monitor = Monitor()
  private var starts: [UInt64: Start] = [:]
  private var running: [UInt64: Running] = [:]
  private var lastNumber: UInt64 = 0
  private var isEnded = false

  init(_ socket: MessageSocket, process: Int32) {
    self.socket = socket
    self.process = process
  }

  // MARK: Any thread

  /// Whether the launcher is gone: nothing more is started through this.
  var hasEnded: Bool { monitor.withLock { isEnded } }

  /// Has a program started. Once it has ended, `whenEnded` is called by the receiving thread.
  func start(
    _ launch: Launch, _ whenEnded: @escaping EndHandler
  ) throws(StoreError) -> LaunchedProcess {
    let number = monitor.withLock {
      lastNumber += 1
      if !isEnded { starts[lastNumber] = .asked(whenEnded) }
      return lastNumber
    }
    let message = LauncherRequest.start(number, launch).encode()
    let byteCountMax = MessageLimit.byteCountMax
    guard message.count <= byteCountMax else {
      monitor.withLock { _ = starts.removeValue(forKey: number) }
      throw StoreError(
        .invalid,
        "its words and settings take \(message.count) bytes, of at most \(byteCountMax)",
        object: launch.data, remedy: "give it fewer or shorter settings")
    }
    send(message)
    switch wait(for: number) {
    case .started(let process, let log):
      return LaunchedProcess(
        identifier: process, log: log, number: number, connection: self)
    case .failed(let error): throw error
    case .asked, nil: throw Self.ended
    }
  }

  /// Waits for the reply to a start. Returns `nil` when there will be none.
  private func wait(for number: UInt64) -> Start? {
    monitor.withLock {
      while case .asked = starts[number] { monitor.wait() }
      return starts.removeValue(forKey: number)
    }
  }

  func send(_ request: LauncherRequest) { send(request.encode()) }

  private func send(_ bytes: [UInt8]) {
    // A launcher that is gone is told of by the receiving thread.
    try? socket.send(bytes)
  }

  /// Lets the launcher end.
  func finish() { socket.finishSending() }

  static let ended = StoreError(
    .unavailable, "the server's launcher has ended", remedy: "try again")

  // MARK: The receiving thread

  /// What the launcher says first: what isolation it gives, or what keeps it from serving.
  func receiveGreeting() throws(StoreError) -> (Isolation, note: String) {
    switch receive()?.reply {
    case .ready(let isolation, let note): return (isolation, note)
    case .failed(_, let error): throw error
    case .started, .ended, nil:
      throw StoreError(
        .unavailable, "the server's launcher ended before it was ready",
        remedy: "look at the server's log")
    }
  }

  /// Until the launcher has ended, and all that it started.
  func receiveAll() {
    while let (reply, files) = receive() {
      switch reply {
      case .started(let number, let process): note(number, process, files)
      case .failed(let number, let error):
        monitor.withLock {
          if starts[number] != nil { starts[number] = .failed(error) }
          monitor.broadcast()
        }
      case .ended(let number, let end):
        monitor.withLock { running.removeValue(forKey: number) }?.whenEnded(end)
      case .ready: continue
      }
    }
    forget()
  }

  private func receive() -> (reply: LauncherReply, files: [HostFile])? {
    guard let message = try? socket.receive(byteCountMax: MessageLimit.byteCountMax),
      let reply = try? LauncherReply(message.bytes)
    else { return nil }
    return (reply, message.files)
  }

  private func note(_ number: UInt64, _ process: Int32, _ files: [HostFile]) {
    monitor.withLock {
      guard files.count == 2, case .asked(let whenEnded) = starts[number] else { return }
      running[number] = Running(
        descriptor: ProcessDescriptor(files[1]), whenEnded: whenEnded)
      starts[number] = .started(process: process, log: files[0])
      monitor.broadcast()
    }
  }

  /// After the launcher's end: what it started has ended or is ended now, and is told of.
  private func forget() {
    // One that still runs, and was not understood, ends.
    socket.shutDown()
    let left = monitor.withLock {
      isEnded = true
      for (number, start) in starts { if case .asked = start { starts[number] = nil } }
      monitor.broadcast()
      defer { running = [:] }
      return running.values
    }
    for instance in left {
      // The kernel has killed it, as the launcher's child. Whoever may makes sure.
      try? instance.descriptor.send(.kill)
      try? instance.descriptor.waitForEnd()
      instance.whenEnded(.unknown)
    }
    _ = try? HostProcess.collect(process)
  }
}
