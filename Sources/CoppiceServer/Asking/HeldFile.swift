package import Coppice
internal import CoppiceEngine
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

  /// What a path leads this process to. All links are followed here: `/dev/stdin` is this
  /// process's.
  private enum Opened {
    /// A directory, or a name in one.
    case place(HostDirectory, name: String?)
    /// A descriptor, and what keeps it open if nobody else does.
    case stream(Int32, HostFile?)
  }

  /// Opens the source of an import.
  package convenience init(source: String) throws(StoreError) {
    let opened: Opened
    do throws(SystemError) { opened = try Self.open(source: source) } catch {
      guard error.isMissing else { throw StoreError(reading: error, object: source) }
      throw StoreError(.notFound, "no such file or directory", object: source)
    }
    try self.init(opened, isWritten: false, shown: source)
  }

  private static func open(source: String) throws(SystemError) -> Opened {
    let opened: HostFile
    do throws(SystemError) { opened = try HostFile(reading: source) } catch {
      // A socket cannot be opened anew.
      guard let descriptor = HostPlace.ownDescriptor(at: source) else { throw error }
      opened = try HostFile(duplicating: descriptor)
    }
    let status = try opened.status()
    switch status.kind {
    case .directory: return .place(try HostDirectory(path: source), name: nil)
    case .regular, .blockDevice:
      if let place = try? HostPlace(resolving: source), place.isPlace(of: status) {
        return .place(place.directory, name: ByteText.text(place.name))
      }
      // A file that has no name any more is nothing but its content.
      return .stream(opened.fileDescriptor, opened)
    case .fifo, .characterDevice, .socket, .symbolicLink:
      return .stream(opened.fileDescriptor, opened)
    }
  }

  /// Opens the directory that is the target of an export, or the one that will hold it; or a stream
  /// that is there: a pipe, a device, or a descriptor of this process's.
  package convenience init(target: String) throws(StoreError) {
    let opened = try writing(target) { () throws(SystemError) in try Self.open(target: target) }
    try self.init(opened, isWritten: true, shown: target)
  }

  private static func open(target: String) throws(SystemError) -> Opened {
    if let directory = try? HostDirectory(path: target) { return .place(directory, name: nil) }
    if let descriptor = HostPlace.ownDescriptor(at: target) { return .stream(descriptor, nil) }
    let kind = try? HostFile(locating: target).status().kind
    if kind == .fifo || kind == .characterDevice {
      let stream = try HostFile(writing: target)
      return .stream(stream.fileDescriptor, stream)
    }
    // No directory: it is, or will be, a name in one.
    let (folder, name) = HostPath.split(target)
    return .place(try HostDirectory(path: folder), name: name)
  }

  package static func standardInput() throws(StoreError) -> HeldFile {
    try HeldFile(
      .stream(StandardStream.standardInput.rawValue, nil), isWritten: false,
      shown: "standard input")
  }

  package static func standardOutput() throws(StoreError) -> HeldFile {
    try HeldFile(
      .stream(StandardStream.standardOutput.rawValue, nil), isWritten: true,
      shown: "standard output")
  }

  private convenience init(
    _ opened: Opened, isWritten: Bool, shown: String
  ) throws(StoreError) {
    switch opened {
    case .place(let directory, let name):
      try self.init(directory: directory, name: name, shown: shown)
    case .stream(let descriptor, let file):
      try self.init(stream: descriptor, isWritten: isWritten, shown: shown, file)
    }
  }

  /// The pipe that the stream is, if it is one, and whether this process writes to it.
  var pipe: (status: HostStatus, isWritten: Bool)? {
    guard let original, let status = try? HostFile(duplicating: original).status(),
      status.kind == .fifo
    else { return nil }
    return (status, isWritten)
  }

  /// Whether what is written goes where this process's answers go.
  package var isStandardOutput: Bool {
    guard isWritten, let original else { return false }
    do throws(SystemError) {
      let status = try HostFile(duplicating: original).status()
      let output = try HostFile(duplicating: StandardStream.standardOutput.rawValue).status()
      return status.device == output.device && status.inode == output.inode
    } catch {
      return false
    }
  }

  private init(
    directory: HostDirectory, name: String?, shown: String
  ) throws(StoreError) {
    do throws(SystemError) {
      file = ClientFile(
        directory.fileDescriptor, name: name, isStream: false, shown: shown,
        try directory.status())
    } catch {
      throw StoreError(error, while: "looking at the directory")
    }
    self.directory = directory
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

  /// Begins to move bytes between the stream and its pipe: another process has the pipe's other
  /// end.
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

  /// Throws when the stream failed. A process whose output nobody reads ends as others do:
  /// silently.
  func check() throws(StoreError) {
    guard let error = pump.withLock({ $0.failure }) else { return }
    if isWritten, error.isBrokenPipe { HostProcess.endOfBrokenPipe() }
    let told =
      isWritten
      ? StoreError(writing: error, object: file.shown)
      : StoreError(reading: error, object: file.shown)
    guard let original else { throw told }
    let path = HostFile.path(ofDescriptor: original)
    throw told.mapTexts { $0.replacing(path, with: file.shown) }
  }

  /// Ends this process as one does whose output nobody reads, when nobody does. Most threads are
  /// ended by the kernel as they write, but those of pools block its signal.
  func endIfUnread() {
    if isWritten, let original, HostFile.isUnread(original) { HostProcess.endOfBrokenPipe() }
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

extension ClientFile {
  fileprivate init(
    _ descriptor: Int32, name: String?, isStream: Bool, shown: String, _ status: HostStatus
  ) {
    self.init(
      descriptor: descriptor, name: name, isStream: isStream, shown: shown,
      device: status.device, inode: status.inode)
  }
}
