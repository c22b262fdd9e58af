internal import Glibc
internal import Synchronization

/// What tests of real mounts need. Where it is missing they are skipped; in CI they fail instead.
public enum MountRequirement {
  public static let text = "needs root and /dev/fuse"
  public static var isMet: Bool {
    getenv("CI") != nil || (getuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0)
  }
}

/// Whether the kernel offers new mounts to take requests by rings: a setting of the whole machine.
public enum RingSetting {
  private static let path = "/sys/module/fuse/parameters/enable_uring"
  private static let lock = Mutex(())

  /// Whether this process can turn it on: not before Linux 6.14, whatever CI installs.
  public static var isThere: Bool { access(path, W_OK) == 0 }

  /// Runs `body` with the setting on, and puts it back.
  public static func withRings<Result>(_ body: () throws -> Result) throws -> Result {
    try lock.withLock { _ in
      let before = try TemporaryFolder.bytes(of: path)
      try write([UInt8(ascii: "Y")])
      defer { try? write(before) }
      return try body()
    }
  }

  private static func write(_ bytes: [UInt8]) throws {
    guard let stream = fopen(path, "wb") else {
      throw Program.Failure(description: "cannot write \(path): errno \(errno)")
    }
    let isWritten = fwrite(bytes, 1, bytes.count, stream) == bytes.count
    guard fclose(stream) == 0, isWritten else {
      throw Program.Failure(description: "cannot write \(path): errno \(errno)")
    }
  }
}
