public import CoppicePlatform
internal import Glibc
internal import Synchronization

/// A disk in memory that keeps no more promises than POSIX makes: a write may or may not be on the
/// device until its file was synced, a name until its directory was.
///
/// `crash` turns the disk into one of the states that a power cut may leave, chosen by a seed; what
/// was open before fails with `EIO` from then on. Everything is deterministic: the same calls and
/// seeds give the same bytes. May be used from any thread. Renaming works within a directory only.
public final class SimulatedDisk: Disk {
  let state: Mutex<State>

  struct State: @unchecked Sendable {
    var root = SimulatedDirectory()
    /// Changes with every crash; what was opened before is dead.
    var generation = 0
    var generator: SplitMix64
    var capacity = UInt64.max
    var usedByteCount: UInt64 = 0
    var faults: [DiskFault] = []
    var failedCallCount = 0
    var interceptions: [Interception] = []
    var operations: [DiskOperation] = []
    var readAheads: [ReadAhead] = []
    var powerOffBefore = Int.max
    var isLockedExclusively = false
    var sharedLockCount = 0
  }

  /// A range that a caller said it would read.
  public struct ReadAhead: Hashable, Sendable {
    public var name: String
    public var range: Range<UInt64>
  }

  struct Interception {
    /// `nil`: any.
    var kind: DiskOperation.Kind?
    var namePrefix: String
    var passing: Int
    var body: () -> Void
  }

  /// An empty disk.
  ///
  /// - Parameters:
  ///   - seed: decides what survives failing syncs and writes.
  ///   - capacity: bytes of files the disk takes, in blocks of 4096.
  public init(seed: UInt64 = 0, capacity: UInt64 = .max) {
    state = Mutex(State(generator: SplitMix64(seed: seed), capacity: capacity))
  }

  init(_ state: State) { self.state = Mutex(state) }

  public func open(_ name: String, _ mode: DiskOpenMode) throws(SystemError) -> any DiskFile {
    let isNew = mode == .create || mode == .createDirect
    let isDirect = mode == .writeDirect || mode == .createDirect
    intercept(isNew ? .create : .open, name)
    return try state.withLock { state throws(SystemError) -> any DiskFile in
      let (directory, last) = try state.parent(of: name, "open")
      let inode: SimulatedInode
      if isNew {
        try state.begin(DiskOperation(kind: .create, name: name), "open")
        guard directory.current[last] == nil else { throw Self.error("open", name, EEXIST) }
        inode = SimulatedInode()
        directory.change(.link(last, .file(inode)))
      } else {
        try state.begin(DiskOperation(kind: .open, name: name), "open")
        inode = try state.file(name, "open")
      }
      return SimulatedDiskFile(
        disk: self, inode: inode, name: name, generation: state.generation,
        isWritable: mode != .read, isDirect: isDirect)
    }
  }

  public func list(_ directory: String) throws(SystemError) -> [String] {
    try state.withLock { state throws(SystemError) in
      try state.checkPower("open", directory)
      do throws(SystemError) {
        return try state.directory(directory, "open").current.keys.sorted()
      } catch {
        if error.isMissing { return [] }
        throw error
      }
    }
  }

  public func makeDirectory(_ name: String) throws(SystemError) {
    intercept(.makeDirectory, name)
    try state.withLock { state throws(SystemError) in
      try state.begin(DiskOperation(kind: .makeDirectory, name: name), "mkdir")
      let (directory, last) = try state.parent(of: name, "mkdir")
      guard directory.current[last] == nil else { throw Self.error("mkdir", name, EEXIST) }
      directory.change(.link(last, .directory(SimulatedDirectory())))
    }
  }

  public func rename(_ source: String, to target: String) throws(SystemError) {
    intercept(.rename, source)
    try state.withLock { state throws(SystemError) in
      try state.begin(DiskOperation(kind: .rename, name: source), "rename")
      let (directory, sourceLast) = try state.parent(of: source, "rename")
      let (targetDirectory, targetLast) = try state.parent(of: target, "rename")
      guard directory === targetDirectory else { throw Self.error("rename", target, EXDEV) }
      guard let entry = directory.current[sourceLast] else {
        throw Self.error("rename", source, ENOENT)
      }
      if case .file(let replaced)? = directory.current[targetLast], source != target {
        state.usedByteCount -= replaced.footprint
      }
      directory.change(.rename(sourceLast, to: targetLast, entry))
    }
  }

  public func remove(_ name: String) throws(SystemError) {
    intercept(.remove, name)
    try state.withLock { state throws(SystemError) in
      try state.begin(DiskOperation(kind: .remove, name: name), "unlink")
      let (directory, last) = try state.parent(of: name, "unlink")
      state.usedByteCount -= try state.file(name, "unlink").footprint
      directory.change(.unlink(last))
    }
  }

  public func syncDirectory(_ name: String) throws(SystemError) {
    intercept(.syncDirectory, name)
    try state.withLock { state throws(SystemError) in
      try state.begin(DiskOperation(kind: .syncDirectory, name: name), "fsync")
      try state.directory(name, "open").sync()
    }
  }

  public func freeByteCount() throws(SystemError) -> UInt64 {
    state.withLock { $0.capacity - min($0.usedByteCount, $0.capacity) }
  }

  public func allocatedByteCount() throws(SystemError) -> UInt64 { usedByteCount }

  public func lock(exclusively: Bool) throws(SystemError) -> any DiskLock {
    try state.withLock { state throws(SystemError) in
      try state.checkPower("lock", "lock")
      let isTaken = exclusively && state.sharedLockCount > 0
      guard !state.isLockedExclusively, !isTaken else { throw Self.error("lock", "lock", EAGAIN) }
      state.isLockedExclusively = exclusively
      if !exclusively { state.sharedLockCount += 1 }
      return SimulatedDiskLock(
        disk: self, generation: state.generation, isExclusive: exclusively)
    }
  }

  /// Runs what was asked to happen before this operation.
  func intercept(_ kind: DiskOperation.Kind, _ name: String) {
    let bodies = state.withLock { state in
      let matching = state.interceptions.indices.filter {
        state.interceptions[$0].kind ?? kind == kind
          && name.hasPrefix(state.interceptions[$0].namePrefix)
      }
      let due = matching.filter { state.interceptions[$0].passing == 0 }
      let bodies = due.map { state.interceptions[$0].body }
      for index in matching { state.interceptions[index].passing -= 1 }
      state.interceptions.removeAll { $0.passing < 0 }
      return bodies
    }
    for body in bodies { body() }
  }

  static func error(_ call: String, _ name: String, _ code: Int32) -> SystemError {
    SystemError(call: call, path: name, code: code)
  }
}

private final class SimulatedDiskLock: DiskLock {
  let disk: SimulatedDisk
  let generation: Int
  let isExclusive: Bool

  init(disk: SimulatedDisk, generation: Int, isExclusive: Bool) {
    self.disk = disk
    self.generation = generation
    self.isExclusive = isExclusive
  }

  deinit {
    disk.state.withLock { state in
      guard state.generation == generation else { return }
      if isExclusive { state.isLockedExclusively = false } else { state.sharedLockCount -= 1 }
    }
  }
}

extension SimulatedDisk.State {
  /// Records an operation and fails it when a fault says so or the power is off.
  mutating func begin(_ operation: DiskOperation, _ call: String) throws(SystemError) {
    try checkPower(call, operation.name)
    if operation.kind.isChange {
      guard operations.count < powerOffBefore else {
        powerOffBefore = 0
        throw SimulatedDisk.error(call, operation.name, EIO)
      }
      operations.append(operation)
    }
    for index in faults.indices {
      let fault = faults[index]
      guard fault.kind == operation.kind, operation.name.hasPrefix(fault.namePrefix) else {
        continue
      }
      if fault.passing > 0 {
        faults[index].passing -= 1
      } else if fault.failing > 0 {
        faults[index].failing -= 1
        failedCallCount += 1
        throw SimulatedDisk.error(call, operation.name, fault.code)
      }
    }
  }

  func checkPower(_ call: String, _ name: String) throws(SystemError) {
    if powerOffBefore == 0 { throw SimulatedDisk.error(call, name, EIO) }
  }

  func directory(_ name: String, _ call: String) throws(SystemError) -> SimulatedDirectory {
    var directory = root
    for part in name.split(separator: "/") {
      switch directory.current[String(part)] {
      case .directory(let next): directory = next
      case .file: throw SimulatedDisk.error(call, name, ENOTDIR)
      case nil: throw SimulatedDisk.error(call, name, ENOENT)
      }
    }
    return directory
  }

  func parent(of name: String, _ call: String) throws(SystemError)
    -> (SimulatedDirectory, last: String)
  {
    let parts = name.split(separator: "/")
    guard let last = parts.last else { throw SimulatedDisk.error(call, name, EISDIR) }
    return (try directory(parts.dropLast().joined(separator: "/"), call), String(last))
  }

  func file(_ name: String, _ call: String) throws(SystemError) -> SimulatedInode {
    let (directory, last) = try parent(of: name, call)
    switch directory.current[last] {
    case .file(let inode): return inode
    case .directory: throw SimulatedDisk.error(call, name, EISDIR)
    case nil: throw SimulatedDisk.error(call, name, ENOENT)
    }
  }

  /// Takes room for a file's growth. Throws `ENOSPC` and changes nothing when there is too little.
  mutating func grow(_ inode: SimulatedInode, to byteCount: UInt64, _ call: String, _ name: String)
    throws(SystemError)
  {
    guard byteCount > inode.current.byteCount else { return }
    let used = usedByteCount + SimulatedInode.footprint(byteCount) - inode.footprint
    guard used <= capacity else { throw SimulatedDisk.error(call, name, ENOSPC) }
    usedByteCount = used
  }
}
