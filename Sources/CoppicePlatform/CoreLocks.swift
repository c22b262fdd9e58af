internal import Glibc

/// One lock for each core, so that threads on different cores that each take their own core's lock
/// share no cache line. None of the locks is recursive.
public final class CoreLocks: @unchecked Sendable {
  private static let strideByteCount = 128
  private let locks: UnsafeMutableRawPointer

  /// How many locks there are: a power of two, as many as cores if that is one, at most 8.
  public static let count: Int = {
    var count = 1
    while count < min(SystemThread.coreCount, 8) { count *= 2 }
    return count
  }()

  /// The lock for the core that runs the calling thread. The thread may run elsewhere by the time
  /// it takes it, which costs speed and nothing else.
  public static var current: Int { SystemThread.currentCore & (count - 1) }

  public init() {
    locks = .allocate(
      byteCount: Self.count * Self.strideByteCount, alignment: Self.strideByteCount)
    for index in 0..<Self.count {
      let mutex = (locks + index * Self.strideByteCount).bindMemory(
        to: pthread_mutex_t.self, capacity: 1)
      mutex.initialize(to: pthread_mutex_t())
      let code = pthread_mutex_init(mutex, nil)
      precondition(code == 0)
    }
  }

  deinit {
    for index in 0..<Self.count { pthread_mutex_destroy(mutex(index)) }
    locks.deallocate()
  }

  private func mutex(_ index: Int) -> UnsafeMutablePointer<pthread_mutex_t> {
    (locks + index * Self.strideByteCount).assumingMemoryBound(to: pthread_mutex_t.self)
  }

  public func lock(_ index: Int) {
    let code = pthread_mutex_lock(mutex(index))
    precondition(code == 0)
  }

  public func unlock(_ index: Int) {
    let code = pthread_mutex_unlock(mutex(index))
    precondition(code == 0)
  }

  /// Excludes whoever holds any of the locks.
  public func lockAll() {
    for index in 0..<Self.count { lock(index) }
  }

  public func unlockAll() {
    for index in 0..<Self.count { unlock(index) }
  }
}
