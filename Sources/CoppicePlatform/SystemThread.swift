internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread of the machine, for work that blocks.
public final class SystemThread: Sendable {
  private let handle: Mutex<pthread_t?>

  /// Starts a thread that runs `body` and ends.
  ///
  /// - Parameters:
  ///   - name: what debuggers and `top` show; cut to 15 bytes.
  ///   - isBackground: gives way to other threads of the machine (nice 10).
  /// - Throws: `EAGAIN` when the machine has no room for another thread.
  public init(
    name: String, stackByteCount: Int = 1 << 20, isBackground: Bool = false,
    body: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackByteCount)
    let start = Unmanaged.passRetained(
      ThreadStart(name: name, isBackground: isBackground, body: body))
    var thread = pthread_t()
    let code = pthread_create(&thread, &attributes, runThread, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw SystemError(call: "pthread_create", path: name, code: code)
    }
    handle = Mutex(thread)
  }

  deinit {
    if let thread = handle.withLock({ $0 }) { pthread_detach(thread) }
  }

  /// Waits until the thread has ended. Later calls return at once. A thread must not join itself.
  public func join() {
    let taken = handle.withLock { handle in
      defer { handle = nil }
      return handle
    }
    if let taken { pthread_join(taken, nil) }
  }
}

private final class ThreadStart: Sendable {
  let name: String
  let isBackground: Bool
  let body: @Sendable () -> Void

  init(name: String, isBackground: Bool, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.isBackground = isBackground
    self.body = body
  }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
  clinux_name_thread(start.name)
  // A thread that may not change its priority runs with the one it has.
  if start.isBackground { _ = clinux_set_thread_nice(10) }
  start.body()
  return nil
}
