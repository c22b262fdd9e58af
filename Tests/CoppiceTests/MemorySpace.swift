import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization

/// Volumes in a dictionary: what the names tree and the file system above it need of an engine.
final class MemorySpace: FileSpace {
  struct Volume {
    var bytes: [UInt8] = []
    var modified: Int64 = 0
    var lsn = LSN.zero
  }

  struct State {
    var volumes: [VolumeNumber: Volume] = [:]
    var lsn: UInt64 = 0
    var flushed: UInt64 = 0
    var committedByteCount = 0
    var largestCommitByteCount = 0
    var commitsUntilFailure: Int?
    var generation: UInt64 = 0
  }

  let pageByteCount: Int
  let state = Mutex(State())

  init(pageByteCount: Int = 4096) { self.pageByteCount = pageByteCount }

  func read(
    _ volume: VolumeNumber, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    state.withLock { state in
      let bytes = state.volumes[volume]?.bytes ?? []
      guard offset < UInt64(bytes.count) else { return 0 }
      let count = min(bytes.count - Int(offset), buffer.count)
      bytes.withUnsafeBytes {
        buffer.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count]))
      }
      return count
    }
  }

  func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    state.withLock { state in
      state.volumes[volume].map {
        VolumeAttributes(byteCount: UInt64($0.bytes.count), modified: $0.modified)
      }
    }
  }

  func commit(_ transaction: borrowing Transaction) throws(StoreError) -> LSN {
    let operations = transaction.operations
    let records = transaction.records
    let isAllowed = state.withLock { state in
      guard let count = state.commitsUntilFailure else { return true }
      state.commitsUntilFailure = count - 1
      return count > 0
    }
    guard isAllowed else { throw StoreError(.full, "no room, as the test asked") }
    return state.withLock { state in
      state.lsn += 1
      for record in records {
        operations.withUnsafeBytes {
          Self.apply(
            UnsafeRawBufferPointer(rebasing: $0[record.bytes]), time: record.time, &state)
        }
      }
      state.committedByteCount += operations.count
      state.largestCommitByteCount = max(state.largestCommitByteCount, operations.count)
      return LSN(state.lsn)
    }
  }

  var generation: UInt64 { state.withLock { $0.generation } }

  /// Pages of zeros are holes.
  func storedRanges(
    of volume: VolumeNumber, in range: Range<UInt64>
  ) throws(StoreError) -> [Range<UInt64>] {
    state.withLock { state in
      let bytes = state.volumes[volume]?.bytes ?? []
      return stride(from: 0, to: bytes.count, by: pageByteCount).compactMap { start in
        let page = start..<min(start + pageByteCount, bytes.count)
        let stored = UInt64(page.lowerBound)..<UInt64(page.upperBound)
        return bytes[page].allSatisfy { $0 == 0 } || !stored.overlaps(range) ? nil : stored
      }
    }
  }

  func storedByteCount(of volume: VolumeNumber) throws(StoreError) -> UInt64 {
    try storedRanges(of: volume, in: 0..<UInt64.max).reduce(0) { $0 + UInt64($1.count) }
  }

  func lastLSN(of volume: VolumeNumber) -> LSN {
    state.withLock { $0.volumes[volume]?.lsn ?? .zero }
  }

  func write(
    _ volume: VolumeNumber, at offset: UInt64, _ bytes: UnsafeRawBufferPointer, time: Int64,
    in generation: UInt64?
  ) throws(StoreError) -> LSN {
    var transaction = Transaction(time: time)
    transaction.write(volume, at: offset, bytes)
    return try commit(transaction, in: generation)
  }

  func commit(
    _ transaction: borrowing Transaction, in generation: UInt64?
  ) throws(StoreError) -> LSN {
    if let generation, generation != self.generation {
      throw StoreError(.unavailable, "the volumes were replaced", reason: .stale)
    }
    return try commit(transaction)
  }

  func flush(through lsn: LSN) throws(StoreError) {
    state.withLock { $0.flushed = max($0.flushed, lsn.rawValue) }
  }

  private static func apply(
    _ operations: UnsafeRawBufferPointer, time: Int64, _ state: inout State
  ) {
    var rest = operations
    while let base = rest.baseAddress, !rest.isEmpty {
      guard let header = try? OpHeader.load(from: base) else { preconditionFailure("bad op") }
      let start = OpHeader.byteCount
      let payload = UnsafeRawBufferPointer(
        rebasing: rest[start..<start + Int(header.payloadByteCount)])
      var volume = state.volumes[header.volume] ?? Volume()
      let offset = Int(header.offset)
      volume.modified = time
      volume.lsn = LSN(state.lsn)
      switch header.code {
      case .write:
        let end = offset + payload.count
        if end > volume.bytes.count {
          volume.bytes += repeatElement(0, count: end - volume.bytes.count)
        }
        volume.bytes.replaceSubrange(offset..<end, with: payload)
      case .hole:
        let count = Int(payload.loadUnaligned(as: UInt64.self))
        let end = min(offset + count, volume.bytes.count)
        if offset < end {
          volume.bytes.replaceSubrange(offset..<end, with: repeatElement(0, count: end - offset))
        }
      case .resize:
        if offset < volume.bytes.count {
          volume.bytes.removeSubrange(offset...)
        } else {
          volume.bytes += repeatElement(0, count: offset - volume.bytes.count)
        }
      case .drop, .share, .adopt:
        break
      }
      state.volumes[header.volume] = header.code == .drop ? nil : volume
      rest = UnsafeRawBufferPointer(rebasing: rest[header.opByteCount...])
    }
  }
}
