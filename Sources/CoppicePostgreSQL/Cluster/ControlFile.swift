public import CoppiceErrors

/// What a cluster's control file, `global/pg_control`, says: whose files these are, how they are
/// laid out, and in which state the last server left them.
///
/// The file has 8,192 bytes, of which a server writes the first 300 at once. Little-endian on all
/// machines that matter; a machine of 64 bits lays it out like this in every version from 14 to 18:
///
///     0   systemIdentifier u64   8   controlVersion u32   12  catalogVersion u32   16  state u32
///     24  time i64               32  checkpoint u64
///     40  of the checkpoint: redo u64, 48 timeline u32, and to 128 what is not read here
///     172 logLevel u32           176 logsHints u8         180 connections u32      184 workers u32
///     188 senders u32            192 prepared u32         196 locks u32            200 times u8
///     204 alignment u32          208 1234567.0 f64        216 blockByteCount u32
///     224 walBlockByteCount u32  228 walSegmentByteCount u32
///     248 passesLongsByValue u8  252 dataChecksumVersion u32
///
/// Versions 14 to 17 then have 32 bytes of a nonce and the CRC-32C of all before it, version 18 a
/// byte for the sign of `char` in between.
public struct ControlFile: Hashable, Sendable {
  /// What a server was about when it last wrote the file.
  public enum State: UInt32, Hashable, Sendable, CaseIterable {
    /// It was starting.
    case startingUp
    /// It had ended in order: nothing is to be recovered.
    case shutDown
    /// A standby had ended in order.
    case shutDownInRecovery
    /// It was ending.
    case shuttingDown
    /// It was recovering from a crash.
    case inCrashRecovery
    /// It was replaying an archive, or was a standby.
    case inArchiveRecovery
    /// It was working.
    case inProduction
  }

  /// The path in a data directory.
  public static let path = "global/pg_control"
  /// So much of the file is read.
  public static let byteCount = 8192

  /// Given to the cluster when it was made; copies have the same.
  public var systemIdentifier: UInt64
  public var controlVersion: UInt32
  public var catalogVersion: UInt32
  public var state: State
  /// Where the last checkpoint's record lies.
  public var checkpoint: WALPosition
  /// Where recovery begins.
  public var redo: WALPosition
  public var timeline: UInt32
  /// Of a page of data: always 8,192.
  public var blockByteCount: Int
  /// Of a page of the log: always 8,192.
  public var walBlockByteCount: Int
  /// Of a file of the log: a power of two, 1 MiB to 1 GiB.
  public var walSegmentByteCount: Int
  /// 0: pages have no checksums.
  public var dataChecksumVersion: UInt32
  public var limits: RecoveryLimits

  /// Decodes and verifies the content of the file at `path`.
  ///
  /// Throws `unsupportedFormat` for a cluster that the usual builds of servers for this machine do
  /// not read, `corrupt` for bytes that no server wrote.
  public init(
    _ bytes: some Collection<UInt8>, of major: MajorVersion, at path: String = ControlFile.path
  ) throws(StoreError) {
    let bytes = Array(bytes.prefix(Self.byteCount))
    let layout = try Self.layout(of: bytes, major, path)
    guard
      Checksum32C.checksum(of: bytes[..<layout.checksumOffset])
        == Self.number(bytes, layout.checksumOffset)
    else { throw Self.damage("the checksum of the control file does not fit", path) }
    try Self.verifyKind(bytes, path)

    guard let state = State(rawValue: Self.number(bytes, 16)),
      let logLevel = RecoveryLimits.LogLevel(rawValue: Self.number(bytes, 172))
    else { throw Self.damage("the control file has a state or wal_level that is none", path) }
    let segment: UInt32 = Self.number(bytes, 228)
    guard segment.nonzeroBitCount == 1, segment >= 1 << 20, segment <= 1 << 30 else {
      throw Self.damage("the control file tells of log files of \(segment) bytes", path)
    }
    systemIdentifier = Self.number(bytes, 0)
    controlVersion = layout.controlVersion
    catalogVersion = Self.number(bytes, 12)
    self.state = state
    checkpoint = WALPosition(Self.number(bytes, 32))
    redo = WALPosition(Self.number(bytes, 40))
    timeline = Self.number(bytes, 48)
    blockByteCount = Self.count(bytes, 216)
    walBlockByteCount = Self.count(bytes, 224)
    walSegmentByteCount = Int(segment)
    dataChecksumVersion = Self.number(bytes, 252)
    limits = RecoveryLimits(
      logLevel: logLevel, logsHints: bytes[176] != 0, connectionCountMax: Self.count(bytes, 180),
      workerCountMax: Self.count(bytes, 184), senderCountMax: Self.count(bytes, 188),
      preparedTransactionCountMax: Self.count(bytes, 192), lockCountMax: Self.count(bytes, 196),
      keepsCommitTimes: bytes[200] != 0)
  }

  // MARK: Verifying

  /// How the file of some major versions ends.
  private struct Layout {
    var controlVersion: UInt32
    var majors: ClosedRange<Int>
    var checksumOffset: Int
  }

  private static let layouts = [
    Layout(controlVersion: 1300, majors: 14...16, checksumOffset: 288),
    Layout(controlVersion: 1700, majors: 17...17, checksumOffset: 288),
    Layout(controlVersion: 1800, majors: 18...18, checksumOffset: 292),
  ]

  private static let known = Remedy(
    "clusters of PostgreSQL \(MajorVersion.known.lowerBound) to "
      + "\(MajorVersion.known.upperBound) are known")

  private static func layout(
    of bytes: [UInt8], _ major: MajorVersion, _ path: String
  ) throws(StoreError) -> Layout {
    guard bytes.count >= 12 else { throw tooShort(bytes, path) }
    let version: UInt32 = number(bytes, 8)
    guard let layout = layouts.first(where: { $0.controlVersion == version }) else {
      if layouts.contains(where: { $0.controlVersion == version.byteSwapped }) {
        throw StoreError(
          .unsupportedFormat, "written by a machine of another byte order", object: path,
          remedy: dump)
      }
      throw StoreError(
        .unsupportedFormat, "a control file of version \(version), which is not known",
        object: path,
        remedy: known)
    }
    guard MajorVersion.known.contains(major.number) else {
      throw StoreError(
        .unsupportedFormat, "a cluster of PostgreSQL \(major), which is not known", object: path,
        remedy: known)
    }
    guard layout.majors.contains(major.number) else {
      throw damage(
        "a control file of version \(version) in a cluster of PostgreSQL \(major)", path)
    }
    guard bytes.count >= layout.checksumOffset + 4 else { throw tooShort(bytes, path) }
    return layout
  }

  private static let pageByteCount = 8192
  private static let dump: Remedy =
    "where a server reads it, take its content by pg_dumpall into a new cluster"

  /// What the usual builds for machines of 64 bits have.
  private static func verifyKind(_ bytes: [UInt8], _ path: String) throws(StoreError) {
    let blocks = count(bytes, 216)
    let logBlocks = count(bytes, 224)
    guard blocks == pageByteCount, logBlocks == pageByteCount else {
      throw StoreError(
        .unsupportedFormat,
        "made by a server with blocks of \(blocks) bytes and log blocks of \(logBlocks); the usual "
          + "builds read blocks of \(pageByteCount) only", object: path, remedy: dump)
    }
    let float: UInt64 = number(bytes, 208)
    guard count(bytes, 204) == 8, float == (1_234_567.0).bitPattern, bytes[248] == 1 else {
      throw StoreError(
        .unsupportedFormat, "written by a machine that lays values out in another way",
        object: path, remedy: dump)
    }
  }

  private static func tooShort(_ bytes: [UInt8], _ path: String) -> StoreError {
    damage("the control file has \(bytes.count) bytes, too few", path)
  }

  private static func damage(_ message: String, _ path: String) -> StoreError {
    StoreError(
      .corrupt, message, object: path,
      remedy: "no server starts on it: take the data directory from a backup, or from an older "
        + "snapshot")
  }

  // MARK: Reading

  private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> Number {
    bytes[offset..<offset + Number.bitWidth / 8].reversed().reduce(0) { $0 << 8 | Number($1) }
  }

  private static func count(_ bytes: [UInt8], _ offset: Int) -> Int {
    let number: UInt32 = number(bytes, offset)
    return Int(number)
  }
}
