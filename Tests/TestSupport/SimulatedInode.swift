/// A simulated file: what reads see, what is on the device, and the changes between them.
///
/// Guarded by the disk's lock.
final class SimulatedInode: @unchecked Sendable {
  static let sectorByteCount = 512

  enum Change {
    case write(offset: UInt64, bytes: [UInt8])
    case resize(UInt64)
  }

  private(set) var current = SimulatedContent()
  private(set) var durable = SimulatedContent()
  private(set) var pending: [Change] = []

  /// Bytes the file takes of the disk's capacity.
  var footprint: UInt64 { Self.footprint(current.byteCount) }

  static func footprint(_ byteCount: UInt64) -> UInt64 { (byteCount + 4095) & ~4095 }

  func copy() -> SimulatedInode {
    let copy = SimulatedInode()
    copy.current = current
    copy.durable = durable
    copy.pending = pending
    return copy
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    guard bytes.count > 0 else { return }
    current.write(bytes, at: offset)
    pending.append(.write(offset: offset, bytes: Array(bytes)))
  }

  func resize(to byteCount: UInt64) {
    current.resize(to: byteCount)
    pending.append(.resize(byteCount))
  }

  /// Changes the device's bytes behind everyone's back.
  func flipBit(_ bit: Int, at offset: UInt64) {
    sync()
    durable.flipBit(bit, at: offset)
    current.flipBit(bit, at: offset)
  }

  func sync() {
    for change in pending { Self.apply(change, to: &durable) }
    pending = []
  }

  /// As on Linux: the error is told once, the pages count as clean, what was not written is lost.
  /// The page cache may go on showing it for a while; direct access never went through that.
  func failSync(isDirect: Bool, using generator: inout SplitMix64) {
    settle(using: &generator)
    guard isDirect || generator.bool() else { return }
    let byteCount = current.byteCount
    current = durable
    current.resize(to: byteCount)
  }

  func crash(using generator: inout SplitMix64) {
    settle(using: &generator)
    current = durable
  }

  private static func apply(_ change: Change, to content: inout SimulatedContent) {
    switch change {
    case .write(let offset, let bytes): bytes.withUnsafeBytes { content.write($0, at: offset) }
    case .resize(let byteCount): content.resize(to: byteCount)
    }
  }

  /// Makes some of the pending changes durable and forgets the others. All or nothing is as likely
  /// as any mixture: files that differ in it are what breaks protocols.
  private func settle(using generator: inout SplitMix64) {
    switch generator.below(4) {
    case 0: break
    case 1: for change in pending { Self.apply(change, to: &durable) }
    default: for change in pending { mayApply(change, using: &generator) }
    }
    pending = []
  }

  private func mayApply(_ change: Change, using generator: inout SplitMix64) {
    switch change {
    case .resize(let byteCount):
      guard generator.bool() else { return }
      durable.resize(to: byteCount)
    case .write(let offset, let bytes):
      switch generator.below(4) {
      case 0: extendWithoutBytes(to: offset + UInt64(bytes.count), using: &generator)
      case 1: Self.apply(change, to: &durable)
      default: tear(offset, bytes, using: &generator)
      }
    }
  }

  /// Any subset of the sectors of a write.
  private func tear(_ offset: UInt64, _ bytes: [UInt8], using generator: inout SplitMix64) {
    let sector = Self.sectorByteCount
    var start = 0
    while start < bytes.count {
      let length = min(sector - (Int(offset) + start) % sector, bytes.count - start)
      if generator.bool() {
        let part = start..<start + length
        bytes[part].withUnsafeBytes { durable.write($0, at: offset + UInt64(part.lowerBound)) }
      }
      start += length
    }
  }

  /// The byte count may reach the device before the bytes; what then stands there is nobody's.
  private func extendWithoutBytes(to end: UInt64, using generator: inout SplitMix64) {
    let start = durable.byteCount
    guard end > start, generator.bool() else { return }
    let count = generator.below(Int(end - start) + 1)
    if generator.oneIn(4) {
      generator.bytes(count).withUnsafeBytes { durable.write($0, at: start) }
    } else {
      durable.resize(to: start + UInt64(count))
    }
  }
}
