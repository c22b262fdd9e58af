internal import CoppicePlatform
internal import Glibc
internal import Synchronization

/// A file of a `SimulatedDisk`.
final class SimulatedDiskFile: DiskFile {
  private let disk: SimulatedDisk
  private let inode: SimulatedInode
  private let name: String
  private let generation: Int
  private let isWritable: Bool
  private let isDirect: Bool

  init(
    disk: SimulatedDisk, inode: SimulatedInode, name: String, generation: Int, isWritable: Bool,
    isDirect: Bool
  ) {
    self.disk = disk
    self.inode = inode
    self.name = name
    self.generation = generation
    self.isWritable = isWritable
    self.isDirect = isDirect
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
    -> Int
  {
    checkAlignment(UnsafeRawBufferPointer(buffer), offset)
    return try perform(.read, "pread", offset, UInt64(buffer.count)) { _ in
      inode.current.read(into: buffer, at: offset)
    }
  }

  /// A write that is told to fail may have written a first part.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    checkAlignment(bytes, offset)
    try perform(.write, "pwrite", offset, UInt64(bytes.count)) { state throws(SystemError) in
      try state.grow(inode, to: offset + UInt64(bytes.count), "pwrite", name)
      inode.write(bytes, at: offset)
    } failing: { state in
      let within = Int(max(inode.current.byteCount, offset) - offset)
      let count = state.generator.below(min(bytes.count, within) + 1) & -512
      inode.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
    }
  }

  func sync() throws(SystemError) {
    try perform(.sync, "fdatasync") { _ in
      inode.sync()
    } failing: { state in
      inode.failSync(isDirect: isDirect, using: &state.generator)
    }
  }

  func byteCount() throws(SystemError) -> UInt64 {
    try disk.state.withLock { state throws(SystemError) in
      try checkAlive(state, "fstat")
      return inode.current.byteCount
    }
  }

  func truncate(to byteCount: UInt64) throws(SystemError) {
    try perform(.truncate, "ftruncate", byteCount) { state throws(SystemError) in
      let before = inode.footprint
      try state.grow(inode, to: byteCount, "ftruncate", name)
      inode.resize(to: byteCount)
      if inode.footprint < before { state.usedByteCount -= before - inode.footprint }
    }
  }

  func allocate(offset: UInt64, byteCount: UInt64) throws(SystemError) {
    try perform(.allocate, "fallocate", offset, byteCount) { state throws(SystemError) in
      let end = offset + byteCount
      try state.grow(inode, to: end, "fallocate", name)
      if end > inode.current.byteCount { inode.resize(to: end) }
    }
  }

  func beginWriteback(offset: UInt64, byteCount: UInt64) {}
  func beginReading(offset: UInt64, byteCount: UInt64) {
    disk.state.withLock {
      $0.readAheads.append(.init(name: name, range: offset..<offset + byteCount))
    }
  }

  private func perform<Result>(
    _ kind: DiskOperation.Kind, _ call: String, _ offset: UInt64 = 0, _ byteCount: UInt64 = 0,
    _ body: (inout SimulatedDisk.State) throws(SystemError) -> Result,
    failing: (inout SimulatedDisk.State) -> Void = { _ in }
  ) throws(SystemError) -> Result {
    disk.intercept(kind, name)
    return try disk.state.withLock { state throws(SystemError) in
      try checkAlive(state, call)
      guard isWritable || kind == .read || kind == .sync else {
        throw SimulatedDisk.error(call, name, EBADF)
      }
      do throws(SystemError) {
        try state.begin(
          DiskOperation(kind: kind, name: name, offset: offset, byteCount: byteCount), call)
      } catch {
        // Without power nothing happens any more; any other failure leaves its traces.
        if state.powerOffBefore > 0 { failing(&state) }
        throw error
      }
      return try body(&state)
    }
  }

  private func checkAlive(_ state: SimulatedDisk.State, _ call: String) throws(SystemError) {
    guard state.generation == generation else { throw SimulatedDisk.error(call, name, EIO) }
    try state.checkPower(call, name)
  }

  private func checkAlignment(_ bytes: UnsafeRawBufferPointer, _ offset: UInt64) {
    guard isDirect else { return }
    let bits = UInt(bitPattern: bytes.baseAddress) | UInt(bytes.count) | UInt(offset)
    precondition(bits & 4095 == 0, "direct access to \(name) in parts of blocks")
  }
}
