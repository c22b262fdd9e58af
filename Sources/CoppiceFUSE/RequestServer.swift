internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc

/// One thread's part of a mount: receives requests by a channel of its own and answers each before
/// it takes the next.
final class RequestServer {
  let session: MountSession
  private let channel: any RequestChannel
  /// The request being served.
  private var unique: UInt64 = 0

  init(_ session: MountSession, _ channel: any RequestChannel) {
    self.session = session
    self.channel = channel
  }

  /// Where the data of an answer go: `MountSession.transferByteCountMax` bytes.
  var answerSpace: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      rebasing: channel.answerSpace[..<MountSession.transferByteCountMax])
  }

  // MARK: Serving

  /// Settles the terms of the connection. Returns the places that the kernel puts requests into, if
  /// it is to do that.
  func answerFirst() throws(SystemError) -> [FUSERing] {
    guard let request = try receive(), request.header.opcode == FUSE_INIT.rawValue else {
      throw SystemError(call: "read", path: "/dev/fuse", code: EPROTO)
    }
    do throws(StoreError) { return try initialize(request) } catch {
      session.options.log(error.description)
      throw SystemError(call: "read", path: "/dev/fuse", code: EPROTO)
    }
  }

  /// Serves until the file system is unmounted.
  func run() {
    session.noteServer()
    do throws(SystemError) {
      while let request = try receive() { serve(request) }
      session.endConnection()
    } catch {
      // What only this thread could receive or answer would be waited for in vain.
      session.options.log("the mount ends because one of its threads did: \(error)")
      session.abort()
    }
  }

  private func receive() throws(SystemError) -> Request? {
    guard let request = try channel.receive() else { return nil }
    unique = request.header.unique
    return request
  }

  private func serve(_ request: Request) {
    do throws(StoreError) {
      try dispatch(request)
    } catch {
      session.note(error)
      answer(error: error.errorNumber)
    }
  }

  private func dispatch(_ request: Request) throws(StoreError) {
    switch fuse_opcode(rawValue: request.header.opcode) {
    case FUSE_READ: try read(request)
    case FUSE_WRITE: try write(request)
    case FUSE_GETATTR: try getAttributes(request)
    case FUSE_LOOKUP: try lookup(request)
    case FUSE_FORGET: try forget(request)
    case FUSE_BATCH_FORGET: try forgetAll(request)
    case FUSE_FSYNC: try sync(request)
    case FUSE_OPEN: try open(request)
    case FUSE_RELEASE: try release(request)
    case FUSE_CREATE: try create(request)
    case FUSE_SETATTR: try setAttributes(request)
    case FUSE_UNLINK: try unlink(request)
    case FUSE_RMDIR: try removeDirectory(request)
    case FUSE_MKDIR: try makeDirectory(request)
    case FUSE_MKNOD: try makeNode(request)
    case FUSE_SYMLINK: try makeSymbolicLink(request)
    case FUSE_READLINK: try readSymbolicLink(request)
    case FUSE_LINK: try link(request)
    case FUSE_RENAME: try rename(request, arguments: fuse_rename_in.self)
    case FUSE_RENAME2: try rename(request, arguments: fuse_rename2_in.self)
    case FUSE_OPENDIR: try openDirectory(request)
    case FUSE_READDIR: try readDirectory(request, withAttributes: false)
    case FUSE_READDIRPLUS: try readDirectory(request, withAttributes: true)
    case FUSE_RELEASEDIR: try releaseDirectory(request)
    case FUSE_FSYNCDIR: try syncDirectory(request)
    case FUSE_FALLOCATE: try allocate(request)
    case FUSE_LSEEK: try seek(request)
    case FUSE_COPY_FILE_RANGE: try copyRange(request)
    case FUSE_GETXATTR: try getExtendedAttribute(request)
    case FUSE_SETXATTR: try setExtendedAttribute(request)
    case FUSE_LISTXATTR: try listExtendedAttributes(request)
    case FUSE_REMOVEXATTR: try removeExtendedAttribute(request)
    case FUSE_STATFS: try space(request)
    case FUSE_DESTROY: answer()
    // Not answered, by the protocol: what it would interrupt is nearly done.
    case FUSE_INTERRUPT: break
    // The kernel then does without, and asks no more.
    default: answer(error: ENOSYS)
    }
  }

  // MARK: Answering

  /// Says that it failed.
  func answer(error: Int32) { send(0, error: -error) }
  /// Says that it is done.
  func answer() { send(0) }

  @discardableResult
  func answer<Value: BitwiseCopyable>(_ value: Value) -> Bool {
    answerSpace.storeBytes(of: value, as: Value.self)
    return send(MemoryLayout<Value>.size)
  }

  func answer(_ bytes: [UInt8]) {
    answerSpace.copyBytes(from: bytes)
    send(bytes.count)
  }

  /// Sends the first bytes of the answer space. Returns whether the request was still waited for.
  @discardableResult
  func send(_ byteCount: Int, error: Int32 = 0) -> Bool {
    let count = MemoryLayout<fuse_out_header>.size + byteCount
    let header = fuse_out_header(len: UInt32(count), error: error, unique: unique)
    do throws(SystemError) {
      try channel.send(header, byteCount)
      return true
    } catch {
      // The process that asked was killed, or the mount is being taken down.
      if !error.isMissing, !error.isUnmounted {
        session.options.log("the kernel refused an answer: \(error)")
      }
      return false
    }
  }
}
