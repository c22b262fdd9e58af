package import Coppice
internal import CoppicePlatform
internal import Synchronization

/// A source or target of the user that this process holds open for a request.
package final class HeldFile: Sendable {
  package let file: ClientFile
  /// The stream that the pipe's end in `file` stands for. Work of this process uses it directly.
  let original: Int32?
  private let isWritten: Bool
  private let pump: Mutex<Pump>
  /// Keeps the descriptors that are no pipe's open.
  private let directory: HostDirectory?
  private let opened: HostFile?

  private struct Pump {
    /// The pipe's end in `ClientFile`, and the other one.
    var near: HostFile?
    var far: HostFile?
    var thread: SystemThread?
    var failure: SystemError?
  }

  // MARK: Opening

  /// Opens the source of an import.
  package convenience init(source: String) throws(StoreError) {
    let opened: HostFile
    let status: HostStatus
    do throws(SystemError) {
      opened = try HostFile(reading: source)
      status = try opened.status()
    } catch {
      guard error.isMissing else { throw StoreError(reading: error, object: source) }
      throw StoreError(.notFound, "no such file or directory", object: source)
    }
    switch status.kind {
    case .fifo, .characterDevice, .socket:
      try self.init(stream: opened.fileDescriptor, isWritten: false, shown: source, opened)
    case .directory:
      try self.init(
        HostDirectoryPlace(source, name: nil), shown: source, StoreError.init(reading:object:))
    case .regular, .blockDevice, .symbolicLink:
      try self.init(
        HostDirectoryPlace(containing: source), shown: source, StoreError.init(reading:object:))
    }
  }

  /// Opens the directory that is the target of an export, or the one that will hold it.
  package convenience init(target: String) throws(StoreError) {
    var place = HostDirectoryPlace(containing: target)
    do throws(SystemError) {
      _ = try HostDirectory(path: target)
      place = HostDirectoryPlace(target, name: nil)
    } catch {
      // No directory: it is, or will be, a name in one.
    }
    try self.init(place, shown: target, StoreError.init(writing:object:))
  }

  package static func standardInput() throws(StoreError) -> HeldFile {
    try HeldFile(
      stream: StandardStream.standardInput.rawValue, isWritten: false, shown: "standard input", nil)
  }

  package static func standardOutput() throws(StoreError) -> HeldFile {
    try HeldFile(
      stream: StandardStream.standardOutput.rawValue, isWritten: true, shown: "standard output",
      nil)
  }

  private init(
    _ place: HostDirectoryPlace, shown: String,
    _ failure: (SystemError, String) -> StoreError
  ) throws(StoreError) {
    do throws(SystemError) {
      let directory = try HostDirectory(path: place.directory)
      file = ClientFile(
        directory.fileDescriptor, name: place.name, isStream: false, shown: shown,
        try directory.status())
      self.directory = directory
    } catch {
      throw failure(error, shown)
    }
    original = nil
    isWritten = false
    opened = nil
    pump = Mutex(Pump())
  }

  private init(
    stream: Int32, isWritten: Bool, shown: String, _ opened: HostFile?
  ) throws(StoreError) {
    do throws(SystemError) {
      let (reader, writer) = try HostFile.makePipe()
      let near = isWritten ? writer : reader
      file = ClientFile(
        near.fileDescriptor, name: nil, isStream: true, shown: shown, try near.status())
      pump = Mutex(Pump(near: near, far: isWritten ? reader : writer))
    } catch {
      throw StoreError(error, while: "making a pipe")
    }
    original = stream
    self.isWritten = isWritten
    self.opened = opened
    directory = nil
  }

  // MARK: Streams

  /// Begins to move bytes between the stream and its pipe: another process has the pipe's other end.
  func start() throws(StoreError) {
    guard let original else { return }
    do throws(SystemError) {
      try pump.withLock { pump throws(SystemError) in
        guard pump.thread == nil, let far = pump.far else { return }
        let stream = try HostFile(duplicating: original)
        let (source, target) = isWritten ? (far, stream) : (stream, far)
        pump.thread = try SystemThread(name: "stream") { [self] in
          do throws(SystemError) {
            try Self.move(from: source, to: target)
            end(because: nil)
          } catch {
            end(because: error)
          }
        }
        // The thread has it now, and its end is the pipe's.
        pump.far = nil
      }
    } catch {
      throw StoreError(error, while: "moving \(file.shown)")
    }
  }

  /// Waits until everything that was written to the stream has arrived.
  package func finish() throws(StoreError) {
    let thread = pump.withLock { pump -> SystemThread? in
      pump.near = nil
      return pump.thread
    }
    thread?.join()
    try check()
  }

  /// Throws when the stream failed. A process whose output nobody reads ends as others do: silently.
  func check() throws(StoreError) {
    guard let error = pump.withLock({ $0.failure }) else { return }
    if isWritten, error.isBrokenPipe { HostProcess.endOfBrokenPipe() }
    throw isWritten
      ? StoreError(writing: error, object: file.shown)
      : StoreError(reading: error, object: file.shown)
  }

  /// A failed stream must not look like one that ended: closing this process's own end of the pipe
  /// first says that nothing counts.
  private func end(because error: SystemError?) {
    guard let error else { return }
    pump.withLock { pump in
      pump.failure = error
      pump.near = nil
    }
  }

  private static func move(from source: HostFile, to target: HostFile) throws(SystemError) {
    let buffer = AlignedBuffer(byteCountMin: 1 << 16)
    buffer.extend(1 << 16)
    while true {
      let count = try source.readSome(into: buffer.mutableContents)
      if count == 0 { return }
      try target.writeNext(UnsafeRawBufferPointer(rebasing: buffer.contents[..<count]))
    }
  }
}

/// A directory, or a name in one.
private struct HostDirectoryPlace {
  var directory: String
  var name: String?

  init(_ directory: String, name: String?) {
    self.directory = directory
    self.name = name
  }

  init(containing path: String) {
    let (folder, name) = HostPath.split(path)
    self.init(folder, name: name)
  }
}

extension ClientFile {
  fileprivate init(
    _ descriptor: Int32, name: String?, isStream: Bool, shown: String, _ status: HostStatus
  ) {
    self.init(
      descriptor: descriptor, name: name, isStream: isStream, shown: shown,
      device: status.device, inode: status.inode)
  }
}
