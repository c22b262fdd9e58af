internal import Coppice
internal import Glibc
internal import Synchronization

/// A regular file as one `open` got it.
final class OpenFile: Sendable {
  let file: File
  let node: UInt64
  let access: Access
  /// Whether who opened it was root.
  let isOfRoot: Bool
  /// The number of the process that opened it; 0 for one in a namespace that this one does not see.
  let process: UInt32

  enum Access {
    case read, write
    /// Also through a memory map.
    case readWrite

    init(flags: UInt32) {
      switch Int32(bitPattern: flags) & O_ACCMODE {
      case O_RDONLY: self = .read
      case O_WRONLY: self = .write
      default: self = .readWrite
      }
    }
  }

  init(_ file: File, node: UInt64, access: Access, isOfRoot: Bool, process: UInt32) {
    self.file = file
    self.node = node
    self.access = access
    self.isOfRoot = isOfRoot
    self.process = process
  }
}

/// A directory as one `opendir` got it.
final class OpenDirectory: Sendable {
  /// What is being listed of it.
  let window = Mutex<DirectoryWindow?>(nil)
}

/// What is open. The kernel names a handle by its address, and sends no address that it was not
/// given and no one that it has released.
final class HandleTable: Sendable {
  private struct State {
    var files: [ObjectIdentifier: OpenFile] = [:]
    var directories: [ObjectIdentifier: OpenDirectory] = [:]
  }

  private let state = Mutex(State())

  var fileCount: Int { state.withLock { $0.files.count } }
  /// Whether no file and no directory is open.
  var isEmpty: Bool { state.withLock { $0.files.isEmpty && $0.directories.isEmpty } }

  /// Whether somebody, besides the one who asks, may have stored into a memory map of the file what
  /// the kernel has not sent yet.
  func mayBeMapped(
    _ file: FileID, of tree: FileTree, besides asking: OpenFile
  ) -> Bool {
    state.withLock { state in
      state.files.values.contains {
        $0.file.id == file && $0.file.tree === tree && $0.access == .readWrite && $0 !== asking
      }
    }
  }

  func openFiles(where isWanted: (OpenFile) -> Bool) -> [OpenFile] {
    state.withLock { $0.files.values.filter(isWanted) }
  }

  /// Who has files open, as far as their numbers mean anything here.
  var processes: Set<UInt32> {
    state.withLock { Set($0.files.values.lazy.map(\.process)).subtracting([0]) }
  }

  func insert(_ file: OpenFile) -> UInt64 {
    state.withLock { $0.files[ObjectIdentifier(file)] = file }
    return Self.address(of: file)
  }

  func insert(_ directory: OpenDirectory) -> UInt64 {
    state.withLock { $0.directories[ObjectIdentifier(directory)] = directory }
    return Self.address(of: directory)
  }

  func removeFile(_ address: UInt64) {
    guard let pointer = Self.pointer(address) else { return }
    let file = Unmanaged<OpenFile>.fromOpaque(pointer).takeUnretainedValue()
    state.withLock { $0.files[ObjectIdentifier(file)] = nil }
    file.file.close()
  }

  func removeDirectory(_ address: UInt64) {
    guard let pointer = Self.pointer(address) else { return }
    let directory = Unmanaged<OpenDirectory>.fromOpaque(pointer).takeUnretainedValue()
    state.withLock { $0.directories[ObjectIdentifier(directory)] = nil }
  }

  func closeAll() {
    let files = state.withLock { state in
      defer { state = State() }
      return Array(state.files.values)
    }
    for file in files { file.file.close() }
  }

  static func file(_ address: UInt64) throws(StoreError) -> OpenFile {
    guard let pointer = pointer(address) else { throw .badHandle }
    return Unmanaged<OpenFile>.fromOpaque(pointer).takeUnretainedValue()
  }

  static func directory(_ address: UInt64) throws(StoreError) -> OpenDirectory {
    guard let pointer = pointer(address) else { throw .badHandle }
    return Unmanaged<OpenDirectory>.fromOpaque(pointer).takeUnretainedValue()
  }

  private static func address(of object: AnyObject) -> UInt64 {
    UInt64(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()))
  }

  private static func pointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: UInt(address))
  }
}

extension StoreError {
  fileprivate static var badHandle: StoreError {
    StoreError(.invalid, "not an open file")
  }
}
