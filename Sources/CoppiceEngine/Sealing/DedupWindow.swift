internal import CoppiceFormat
internal import Synchronization

/// The RAM-only dedup table: page hash to frame name, lossy and bounded.
///
/// Hints only: a hit counts once the frame was found and its bytes compared. Entries take 8 bytes:
/// 16 bits of the hash and 48 of the name, in buckets of 8 that fill a cache line and lose their
/// oldest entry first. Bucket and tag come from the low half of the hash, which directories keep.
/// Only full page frames enter. Names past 48 bits (16 million segments) do not; they go unnoticed.
final class DedupWindow: Sendable {
  private static let bucketEntryCount = 8
  private static let nameBitCount: UInt64 = 48

  private let table: Table
  private let bucketMask: UInt64

  /// Guarded by `lock`.
  private final class Table: @unchecked Sendable {
    let words: UnsafeMutablePointer<UInt64>
    let count: Int
    init(count: Int) {
      self.count = count
      words = .allocate(capacity: count)
      words.initialize(repeating: 0, count: count)
    }
    deinit { words.deallocate() }
  }

  private let lock = Mutex(())

  init(byteCount: Int) {
    let buckets = max(1, byteCount / (8 * Self.bucketEntryCount))
    let rounded = 1 << (Int.bitWidth - 1 - buckets.leadingZeroBitCount)
    table = Table(count: rounded * Self.bucketEntryCount)
    bucketMask = UInt64(rounded - 1)
  }

  var byteCount: Int { table.count * 8 }

  /// How many frames the window remembers at most.
  var capacity: Int { table.count }

  private func bucket(_ hashPrefix: UInt64) -> Int {
    Int(truncatingIfNeeded: hashPrefix & bucketMask) * Self.bucketEntryCount
  }

  private func tag(_ hashPrefix: UInt64) -> UInt64 { hashPrefix >> Self.nameBitCount }

  /// Frames that may hold a page of this hash, newest first.
  func candidates(_ hash: PageHash) -> [FrameName] {
    let start = bucket(hash.low)
    let tag = tag(hash.low)
    return lock.withLock { _ in
      var names: [FrameName] = []
      for index in start..<start + Self.bucketEntryCount {
        let word = table.words[index]
        if word == 0 { break }
        if word >> Self.nameBitCount == tag {
          names.append(FrameName(rawValue: word & (1 << Self.nameBitCount - 1)))
        }
      }
      return names
    }
  }

  func insert(_ hash: PageHash, _ name: FrameName) {
    guard name.rawValue >> Self.nameBitCount == 0 else { return }
    let start = bucket(hash.low)
    let word = tag(hash.low) << Self.nameBitCount | name.rawValue
    lock.withLock { _ in
      var index = Self.bucketEntryCount - 1
      while index > 0 {
        table.words[start + index] = table.words[start + index - 1]
        index -= 1
      }
      table.words[start] = word
    }
  }

  /// Remembers an older frame, unless newer ones fill its bucket.
  func offer(hashPrefix: UInt64, _ name: FrameName) {
    guard name.rawValue >> Self.nameBitCount == 0 else { return }
    let start = bucket(hashPrefix)
    lock.withLock { _ in
      for index in start..<start + Self.bucketEntryCount where table.words[index] == 0 {
        table.words[index] = tag(hashPrefix) << Self.nameBitCount | name.rawValue
        return
      }
    }
  }

  /// Forgets every frame whose name satisfies `isStale`.
  func remove(where isStale: (FrameName) -> Bool) {
    lock.withLock { _ in
      for start in stride(from: 0, to: table.count, by: Self.bucketEntryCount) {
        var kept = start
        for index in start..<start + Self.bucketEntryCount {
          let word = table.words[index]
          if word == 0 || isStale(FrameName(rawValue: word & (1 << Self.nameBitCount - 1))) {
            continue
          }
          table.words[kept] = word
          kept += 1
        }
        while kept < start + Self.bucketEntryCount {
          table.words[kept] = 0
          kept += 1
        }
      }
    }
  }
}
