internal import CLinux
internal import Synchronization

/// The bytes of one page, aligned to 4096. They return to their pool when the object is released.
///
/// The content is plain memory: whoever shares a buffer between threads sees to it that nobody
/// writes while another reads.
public final class PageBuffer: @unchecked Sendable {
  public let bytes: UnsafeMutableRawPointer
  @usableFromInline let pool: PageBufferPool

  fileprivate init(bytes: UnsafeMutableRawPointer, pool: PageBufferPool) {
    self.bytes = bytes
    self.pool = pool
  }

  deinit { pool.release(bytes) }

  @inlinable public var byteCount: Int { pool.pageByteCount }

  @inlinable public var contents: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes, count: pool.pageByteCount)
  }

  @inlinable public var mutableContents: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: bytes, count: pool.pageByteCount)
  }
}

/// Makes page buffers out of slabs of 2 MiB in huge pages. May be used from any thread.
///
/// Slabs are kept until the pool and its last buffer are released, so memory stays at the highest
/// use; a freed page is the next one handed out. A free page holds the address of the next free one
/// in its first bytes: acquiring allocates nothing but the small object.
public final class PageBufferPool: Sendable {
  public static let slabByteCount = 2 << 20

  public let pageByteCount: Int
  private let state: Mutex<State>

  private struct State: @unchecked Sendable {
    var firstFree: UnsafeMutableRawPointer?
    var unused: UnsafeMutableRawPointer?
    var unusedCount = 0
    var slabs: [UnsafeMutableRawPointer] = []
    var pagesInUse = 0
  }

  /// - Parameter pageByteCount: a power of two from 4096 to the slab's byte count.
  public init(pageByteCount: Int) {
    precondition(pageByteCount.nonzeroBitCount == 1)
    precondition((4096...Self.slabByteCount).contains(pageByteCount))
    self.pageByteCount = pageByteCount
    state = Mutex(State())
  }

  deinit {
    state.withLock { state in
      for slab in state.slabs { clinux_unmap(slab, Self.slabByteCount) }
    }
  }

  /// A page whose content is undefined.
  public func acquire() -> PageBuffer {
    let bytes = state.withLock { state -> UnsafeMutableRawPointer in
      state.pagesInUse += 1
      if let free = state.firstFree {
        state.firstFree = free.load(as: UnsafeMutableRawPointer?.self)
        return free
      }
      if state.unusedCount == 0 { addSlab(&state) }
      guard let page = state.unused else { preconditionFailure("a slab without pages") }
      state.unused = page + pageByteCount
      state.unusedCount -= 1
      return page
    }
    return PageBuffer(bytes: bytes, pool: self)
  }

  /// A page of zeros.
  public func acquireZeroed() -> PageBuffer {
    let page = acquire()
    page.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount)
    return page
  }

  private func addSlab(_ state: inout State) {
    guard let slab = clinux_map_aligned(Self.slabByteCount, Self.slabByteCount) else {
      preconditionFailure("no memory for \(Self.slabByteCount) bytes of pages")
    }
    state.slabs.append(slab)
    state.unused = slab
    state.unusedCount = Self.slabByteCount / pageByteCount
  }

  fileprivate func release(_ bytes: UnsafeMutableRawPointer) {
    state.withLock { state in
      bytes.storeBytes(of: state.firstFree, as: UnsafeMutableRawPointer?.self)
      state.firstFree = bytes
      state.pagesInUse -= 1
    }
  }

  /// Bytes of all pages that are handed out.
  public var byteCountInUse: Int { state.withLock { $0.pagesInUse } * pageByteCount }

  /// Bytes of memory the pool holds, in use or free.
  public var byteCountHeld: Int { state.withLock { $0.slabs.count } * Self.slabByteCount }
}
