/// The settings of an instance, in layers: a configuration file of Coppice's own, with what
/// somebody gave for the instance; `postgresql.auto.conf` of the branch, which a server always
/// reads; and the command line with the fences, which nothing in the branch changes. No other of
/// the origin's files is read.
///
/// Some settings go on the command line though they may be given: those that have a server not
/// start on a smaller machine than its origin's (`shared_buffers`). So a fork starts whatever was
/// set by ALTER SYSTEM, and takes no more memory than it was given.
///
/// A server refuses slots of the origin under `wal_level=minimal`, and asks for an archive where
/// there is `recovery.signal` or `standby.signal`: a fork must have `pg_replslot` emptied and these
/// removed before it starts.
public struct InstanceConfiguration: Sendable {
  /// Absolute paths as the server sees them.
  public struct Files: Hashable, Sendable {
    public var data: String
    /// The directory of its Unix socket.
    public var sockets: String
    /// Of `InstanceConfiguration.file`.
    public var configuration: String
    /// Of `AccessFiles.hba`.
    public var hba: String
    /// Of `AccessFiles.ident`.
    public var ident: String

    public init(
      data: String, sockets: String, configuration: String, hba: String, ident: String
    ) {
      self.data = data
      self.sockets = sockets
      self.configuration = configuration
      self.hba = hba
      self.ident = ident
    }
  }

  public var major: MajorVersion
  public var control: ControlFile
  public var files: Files
  /// Names the socket, `.s.PGSQL.PORT`: nothing listens on it.
  public var port: UInt16
  /// Shown in lists of processes, as far as it is ASCII.
  public var clusterName: String
  /// Whether the branch ends within a day: then nothing is vacuumed but to prevent wraparound.
  public var isShortLived = false
  /// Of files that queries of one session sort in; `nil`: as many as there is room for.
  public var temporaryFileByteCountMax: UInt64?
  public var preloads = PreloadedLibraries()
  /// Whether others may replicate from it, physically and logically.
  public var wantsReplication = false
  /// What is known of the origin's settings.
  public var origin = OriginSettings()
  public var given = GivenSettings()

  public init(
    major: MajorVersion, control: ControlFile, files: Files, port: UInt16, clusterName: String
  ) {
    self.major = major
    self.control = control
    self.files = files
    self.port = port
    self.clusterName = clusterName
  }

  /// The content of the configuration file.
  public var file: String {
    var text = """
      # Made by Coppice at each start of this instance: changes would be lost. `coppice pg set`
      # changes settings. The command line has settings that beat these.

      """
    for setting in settings { text += setting.line }
    return text
  }

  /// The server's arguments: nothing else goes on its command line.
  public var arguments: [String] { (bounds + fences).flatMap { ["-c", $0.argument] } }

  /// What nothing in the branch changes, nor anybody by `GivenSettings`.
  public var fences: [Setting] {
    Fence.all.compactMap { fence in
      guard SettingTable.has(fence.name, major) else { return nil }
      return fence.value(self).map { Setting(fence.name, $0) }
    }
  }

  /// What only `GivenSettings` change.
  public var bounds: [Setting] {
    let usual = [
      Setting("shared_buffers", "64MB"), Setting("huge_pages", "off"),
      // Another method may be missing in the build, or in the kernel.
      Setting("io_method", "worker"),
    ]
    return usual.filter { SettingTable.has($0.name, major) }.map { setting in
      given.value(of: setting.name).map { Setting(setting.name, $0) } ?? setting
    }
  }

  // MARK: The file

  /// Each once: what was given beats what the origin had, and that what is ours.
  private var settings: [Setting] {
    let onCommandLine = Set((bounds + fences).map(\.name))
    var places: [String: Int] = [:]
    var settings: [Setting] = []
    for setting in own + origin.settings + given.settings
    where !onCommandLine.contains(setting.name) {
      if let place = places[setting.name] {
        settings[place] = setting
      } else {
        places[setting.name] = settings.count
        settings.append(setting)
      }
    }
    return settings
  }

  private static let connectionCountMin = 50
  private static let logByteCountMax = 256 << 20

  private var own: [Setting] {
    let limits = control.limits
    // A server does not start with less than two files of the log.
    let logByteCountMin = 2 * control.walSegmentByteCount
    var settings = [
      // At least what replaying the origin's log can ask for.
      Setting(
        "max_connections", "\(max(Self.connectionCountMin, limits.connectionCountMax))"),
      Setting("max_worker_processes", "\(limits.workerCountMax)"),
      Setting("max_prepared_transactions", "\(limits.preparedTransactionCountMax)"),
      Setting("max_locks_per_transaction", "\(limits.lockCountMax)"),
      Setting("track_commit_timestamp", limits.keepsCommitTimes ? "on" : "off"),
      // A log that is short, and whose files were never something else, stores the fewest bytes.
      Setting("wal_recycle", "off"),
      Setting("wal_init_zero", "off"),
      Setting("wal_compression", "off"),
      Setting("min_wal_size", Self.megabytes(logByteCountMin)),
      Setting("max_wal_size", Self.megabytes(max(Self.logByteCountMax, logByteCountMin))),
      Setting("checkpoint_timeout", "30min"),
    ]
    if isShortLived { settings.append(Setting("autovacuum", "off")) }
    return settings
  }

  private static func megabytes(_ byteCount: Int) -> String { "\(byteCount >> 20)MB" }

  // MARK: Values

  /// A path as an element of a list of directories.
  static func listed(_ path: String) -> String {
    let isPlain = path.utf8.allSatisfy { byte in
      byte > 0x20 && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "\"")
    }
    return isPlain ? path : "\"\(path.doubling(["\""]))\""
  }

  private static let clusterNameByteCountMax = 63

  /// As a server would make it: other bytes than printable ASCII are replaced, and a long end is
  /// cut off.
  static func printable(_ name: String) -> String {
    let bytes = name.utf8.prefix(clusterNameByteCountMax).map { byte in
      0x20..<0x7F ~= byte ? byte : UInt8(ascii: "?")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
