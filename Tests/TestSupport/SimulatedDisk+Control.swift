public import CoppicePlatform
internal import Glibc
internal import Synchronization

/// What happens to a simulated disk from outside.
extension SimulatedDisk {
  /// Cuts the power and turns it on again: the seed decides which unsynced writes and names
  /// survive.
  public func crash(seed: UInt64) {
    state.withLock { state in
      var generator = SplitMix64(seed: seed)
      state.root.crash(using: &generator)
      state.restart()
    }
  }

  /// Ends the process that used the disk, not the machine: all writes survive, unsynced as before.
  public func kill() { state.withLock { $0.restart() } }

  /// From the operation with that number on, counted from 0 as `operationCount` does, every call
  /// fails, until `crash` or `kill`.
  public func powerOff(beforeOperation number: Int) {
    state.withLock { $0.powerOffBefore = number }
  }

  /// Whether a call has failed for lack of power.
  public var isPoweredOff: Bool { state.withLock { $0.powerOffBefore == 0 } }

  /// Operations so far that a power cut could come before.
  public var operationCount: Int { state.withLock { $0.operations.count } }

  public var operations: [DiskOperation] { state.withLock { $0.operations } }

  /// What callers said they would read, since the last call.
  public func takeReadAheads() -> [ReadAhead] {
    state.withLock { state in
      defer { state.readAheads = [] }
      return state.readAheads
    }
  }

  public func inject(_ fault: DiskFault) { state.withLock { $0.faults.append(fault) } }

  /// Forgets interceptions that have not happened.
  public func clearInterceptions() { state.withLock { $0.interceptions = [] } }

  public func clearFaults() { state.withLock { $0.faults = [] } }

  /// How many calls failed because of faults that were injected.
  public var failedCallCount: Int { state.withLock { $0.failedCallCount } }

  /// Runs `body` once on the calling thread, just before such an operation (`nil`: any of all
  /// kinds): to make something happen in the middle of a step. Lets `passing` of them go by first.
  public func intercept(
    _ kind: DiskOperation.Kind?, namePrefix: String = "", passing: Int = 0,
    _ body: @escaping () -> Void
  ) {
    state.withLock { [body = UncheckedBody(body)] state in
      state.interceptions.append(
        Interception(kind: kind, namePrefix: namePrefix, passing: passing, body: body.body))
    }
  }

  /// Bytes of files the disk takes; may be below what it holds.
  public var capacity: UInt64 {
    get { state.withLock { $0.capacity } }
    set { state.withLock { $0.capacity = newValue } }
  }

  public var usedByteCount: UInt64 { state.withLock { $0.usedByteCount } }

  /// A disk with the same content, synced and unsynced, that nothing has opened.
  public func snapshot() -> SimulatedDisk {
    state.withLock { state in
      var copies: [ObjectIdentifier: SimulatedEntry] = [:]
      var copy = state
      copy.root = state.root.copy(&copies)
      copy.restart()
      return SimulatedDisk(copy)
    }
  }

  /// Changes one bit on the device.
  public func flipBit(_ bit: Int, at offset: UInt64, in name: String) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      let inode = try state.file(name, "open")
      guard offset < inode.current.byteCount else { throw Self.error("pwrite", name, EINVAL) }
      inode.flipBit(bit, at: offset)
    }
  }

  /// The bytes of a file as reads see them.
  public func contents(of name: String) throws(SystemError) -> [UInt8] {
    try state.withLock { state throws(SystemError) in
      try state.file(name, "open").current.bytes()
    }
  }

  /// Makes a file of these bytes, or replaces what it holds, durably and without an operation.
  public func setContents(of name: String, to bytes: [UInt8]) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      let (directory, last) = try state.parent(of: name, "open")
      let inode: SimulatedInode
      if case .file(let existing)? = directory.current[last] {
        inode = existing
      } else {
        inode = SimulatedInode()
        directory.change(.link(last, .file(inode)))
        directory.sync()
      }
      inode.resize(to: 0)
      bytes.withUnsafeBytes { inode.write($0, at: 0) }
      inode.sync()
      state.usedByteCount = state.root.footprint
    }
  }

  /// The paths of all files, sorted.
  public func fileNames() -> [String] { state.withLock { $0.root.fileNames(below: "").sorted() } }
}

/// Tests hand over what they also use themselves; they do so from one thread.
private struct UncheckedBody: @unchecked Sendable {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

extension SimulatedDisk.State {
  mutating func restart() {
    generation += 1
    isLockedExclusively = false
    sharedLockCount = 0
    powerOffBefore = .max
    operations = []
    interceptions = []
    usedByteCount = root.footprint
  }
}

extension SimulatedDirectory {
  fileprivate var footprint: UInt64 {
    current.values.reduce(0) { sum, entry in
      switch entry {
      case .file(let inode): sum + inode.footprint
      case .directory(let directory): sum + directory.footprint
      }
    }
  }

  fileprivate func fileNames(below path: String) -> [String] {
    current.flatMap { name, entry in
      switch entry {
      case .file: [path + name]
      case .directory(let directory): directory.fileNames(below: path + name + "/")
      }
    }
  }
}
