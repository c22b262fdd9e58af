internal import CFuse
internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Glibc

extension RequestServer {
  /// The unit of room that `statfs` counts in.
  private static let unitByteCount = 4096
  /// Linux 5.4.
  private static let minorVersionMin: UInt32 = 31
  /// Requests that the kernel sends ahead, of readahead and of writing back.
  private static let backgroundCount: UInt16 = 64

  /// What the kernel may do. Not among it:
  /// - FUSE_AUTO_INVAL_DATA would ask for attributes at each read; `MountSession` tells the kernel
  ///   what changes by other doors.
  /// - FUSE_ASYNC_DIO: when a direct write by aio ends the kernel would leave pages that were read
  ///   meanwhile in its cache, and readers would see old bytes for ever.
  /// - FUSE_POSIX_LOCKS and FUSE_FLOCK_LOCKS: the kernel keeps locks by itself, all of them, as a
  ///   store has one mount.
  private static let flags =
    FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS
    | FUSE_READDIRPLUS_AUTO | FUSE_PARALLEL_DIROPS | FUSE_ABORT_ERROR
    // It looks up `.` and `..` of files that it was given the handle of.
    | FUSE_EXPORT_SUPPORT
    | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | FUSE_EXPLICIT_INVAL_DATA
    // Without it the kernel asks for an attribute before every write, to see whether it has to
    // take privileges from the file; with it the mount takes them when the kernel says so.
    | FUSE_HANDLE_KILLPRIV_V2

  /// The flag for requests by rings (Linux 6.14), in the second half of the flags.
  private static let ringFlag: UInt32 = 1 << (41 - 32)

  /// The kernel's first request: which version, and what both sides can do. Returns the places of
  /// requests by rings; none when the kernel does not offer them.
  func initialize(_ request: Request) throws(StoreError) -> [FUSERing] {
    // Kernels before 5.17 send the first fields only.
    var offer = fuse_init_in()
    let fields = try request.data(after: 0)
    withUnsafeMutableBytes(of: &offer) { $0.copyBytes(from: fields.prefix($0.count)) }
    guard offer.major == FUSE_KERNEL_VERSION, offer.minor >= Self.minorVersionMin else {
      answer(error: EPROTO)
      throw StoreError(
        .unavailable, "the kernel speaks FUSE \(offer.major).\(offer.minor)", object: "/dev/fuse",
        remedy: "use Linux 5.4 or later")
    }
    var wanted = UInt32(bitPattern: Self.flags)
    if session.options.usesWritebackCache { wanted |= UInt32(FUSE_WRITEBACK_CACHE) }
    var terms = fuse_init_out()
    terms.major = UInt32(FUSE_KERNEL_VERSION)
    terms.minor = UInt32(FUSE_KERNEL_MINOR_VERSION)
    terms.max_readahead = UInt32(MountSession.transferByteCountMax)
    terms.flags = offer.flags & wanted
    terms.max_background = Self.backgroundCount
    terms.congestion_threshold = Self.backgroundCount * 3 / 4
    terms.max_write = UInt32(MountSession.transferByteCountMax)
    terms.time_gran = 1
    terms.max_pages = UInt16(MountSession.transferByteCountMax / HostProcess.memoryPageByteCount)
    let offersRings =
      offer.flags & UInt32(FUSE_INIT_EXT) != 0 && offer.flags2 & Self.ringFlag != 0
    let rings = offersRings && session.options.wantsRings ? session.makeRings() : []
    if !rings.isEmpty {
      terms.flags |= UInt32(FUSE_INIT_EXT)
      terms.flags2 = Self.ringFlag
      session.options.log("the kernel passes requests by rings")
    }
    answer(terms)
    return rings
  }

  /// Room of the file system that holds the store.
  func storeSpace() throws(StoreError) -> HostSpace {
    do throws(SystemError) { return try HostSpace(at: session.store.directory) } catch {
      throw StoreError(error, while: "asking for the room of the store's file system")
    }
  }

  /// Room of the store's disk; in a branch with a limit what that leaves of it, if it is less.
  func space(_ request: Request) throws(StoreError) {
    var host = try storeSpace()
    if let room = session.branches.treeIfPresent(request.node)?.growthRoom {
      let rest = room.limitByteCount - min(room.limitByteCount, room.addedByteCount)
      host.byteCount = room.limitByteCount
      host.freeByteCount = min(host.freeByteCount, rest)
      host.availableByteCount = min(host.availableByteCount, rest)
    }
    let unit = UInt64(Self.unitByteCount)
    var answer = fuse_statfs_out()
    answer.st.bsize = UInt32(Self.unitByteCount)
    answer.st.frsize = UInt32(Self.unitByteCount)
    answer.st.blocks = host.byteCount / unit
    answer.st.bfree = host.freeByteCount / unit
    answer.st.bavail = host.availableByteCount / unit
    // Numbers of files never run out before room does.
    answer.st.files = UInt64(UInt32.max)
    answer.st.ffree = UInt64(UInt32.max)
    answer.st.namelen = UInt32(FileName.byteCountMax)
    self.answer(answer)
  }
}
