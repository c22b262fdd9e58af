internal import CoppiceFormat
internal import Synchronization

/// Full pages by their hashes, for estimates, which have no store to compare bytes in: what has the
/// same 128 bits counts as equal. Bounded and lossy like the window of a store: buckets of eight
/// lose their oldest entry first.
final class KnownPages: EqualPages {
  private static let bucketCount = 8

  private let table: Table
  private let bucketMask: UInt64

  /// Guarded by `lock`.
  private final class Table: @unchecked Sendable {
    let refs: UnsafeMutablePointer<Ref>

    init(count: Int) {
      refs = .allocate(capacity: count)
      refs.initialize(repeating: .hole, count: count)
    }
    deinit { refs.deallocate() }
  }

  private let lock = Mutex(())

  /// - Parameter countMax: pages that it knows at most, rounded up to a power of two.
  init(countMax: Int) {
    var buckets = 1
    while buckets * Self.bucketCount < countMax { buckets *= 2 }
    table = Table(count: buckets * Self.bucketCount)
    bucketMask = UInt64(buckets - 1)
  }

  private func bucket(of hash: PageHash) -> UnsafeMutablePointer<Ref> {
    table.refs + Int(truncatingIfNeeded: hash.low & bucketMask) * Self.bucketCount
  }

  func ref(of bytes: UnsafeRawBufferPointer, hash: PageHash, _ set: CodecSet) -> Ref? {
    let bucket = bucket(of: hash)
    return lock.withLock { _ in
      for index in 0..<Self.bucketCount where bucket[index].hash == hash { return bucket[index] }
      return nil
    }
  }

  func note(_ ref: Ref) {
    let bucket = bucket(of: ref.hash)
    lock.withLock { _ in
      for index in (1..<Self.bucketCount).reversed() { bucket[index] = bucket[index - 1] }
      bucket[0] = ref
    }
  }
}
