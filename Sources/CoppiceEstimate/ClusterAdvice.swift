internal import Coppice
internal import CoppicePostgreSQL

/// What the files of a data directory show about what a branch of it stores; nothing that they do
/// not.
struct ClusterAdvice {
  private let input: EstimateInput
  /// By their paths from the data directory.
  private let files: [String: EstimateEntry]
  /// Files of the log that changed or are new.
  private let changedLog: Set<BranchPath>

  init(_ input: EstimateInput, _ directory: BranchPath, changedLog: Set<BranchPath>) {
    self.input = input
    self.changedLog = changedLog
    files = Self.files(of: input, in: directory)
  }

  /// Those that are looked at: of the directory itself, its log, and the control file.
  private static func files(
    of input: EstimateInput, in directory: BranchPath
  ) -> [String: EstimateEntry] {
    var found: [String: EstimateEntry] = [:]
    let depth = directory.components.count
    for entry in input.entries where entry.kind == .regular {
      let names = entry.path.components
      guard names.count > depth, names.count <= depth + 2,
        names.prefix(depth).elementsEqual(directory.components)
      else { continue }
      found[names.dropFirst(depth).map(\.description).joined(separator: "/")] = entry
    }
    return found
  }

  func all() throws(StoreError) -> [EstimateReport.Advice] {
    guard let control = try controlFile() else { return [] }
    let log = try LogFindings(segments(control.walSegmentByteCount), in: input)
    return try log.advice + settingsAdvice(log) + checksumAdvice(control)
  }

  /// At most so much of a configuration file is read.
  private static let settingsByteCountMax = 1 << 20

  private func content(of name: String) throws(StoreError) -> [UInt8]? {
    guard let entry = files[name] else { return nil }
    return try input.beginning(of: entry, byteCountMax: Self.settingsByteCountMax)
  }

  /// `nil` where it is none of a version that is known.
  private func controlFile() throws(StoreError) -> ControlFile? {
    guard let version = try content(of: DataDirectory.versionFile.description),
      let major = MajorVersion(versionFile: version),
      let bytes = try content(of: ControlFile.path)
    else { return nil }
    return try? ControlFile(bytes, of: major)
  }

  /// Files of the log, in their order.
  private func segments(_ byteCount: Int) -> [LogFindings.Segment] {
    files.compactMap { path, entry -> LogFindings.Segment? in
      guard path.hasPrefix("pg_wal/"),
        let segment = LogSegment(String(path.dropFirst("pg_wal/".count)), byteCount: byteCount)
      else { return nil }
      return LogFindings.Segment(
        segment: segment, entry: entry, hasChanged: changedLog.contains(entry.path))
    }.sorted { ($0.segment.timeline, $0.segment.number) < ($1.segment.timeline, $1.segment.number) }
  }

  // MARK: Settings

  /// What its two files say; others that they include are passed over.
  private func settings() throws(StoreError) -> [String: String] {
    var values: [String: String] = [:]
    for name in [SettingsFile.name, SettingsFile.autoName] {
      let bytes = try content(of: name) ?? []
      values.merge(SettingsFile(bytes).values) { $1 }
    }
    return values
  }

  /// Whether a switch that is on by itself is off. Servers take beginnings of the words.
  private static func isOff(_ value: String?) -> Bool {
    guard let value = value?.lowercased(), !value.isEmpty else { return false }
    return value == "0" || "no".hasPrefix(value) || "false".hasPrefix(value)
      || value.count > 1 && "off".hasPrefix(value)
  }

  private func settingsAdvice(_ log: LogFindings) throws(StoreError) -> [EstimateReport.Advice] {
    let settings = try settings()
    var texts: [String] = []
    if log.recycledCount > 0, !Self.isOff(settings["wal_recycle"]) {
      texts.append(
        "wal_recycle is on, and leaves old log under new names; servers that Coppice starts on "
          + "branches have it off, and do so in your own on branches")
    }
    if Self.isOff(settings["full_page_writes"]) {
      texts.append(
        "full_page_writes is off: a branch of a running server may have torn pages that nothing "
          + "mends; leave it on")
    }
    if log.scan.imageCount > 0, let compression = settings["wal_compression"],
      !Self.isOff(compression)
    {
      texts.append(
        "wal_compression is \(compression): what is compressed is no difference of anything, and "
          + "is stored as it is; off stores less on a branch")
    }
    return texts.map { EstimateReport.Advice(topic: .settings, text: $0) }
  }

  private func checksumAdvice(_ control: ControlFile) -> [EstimateReport.Advice] {
    let hasChecksums = control.dataChecksumVersion != 0
    guard hasChecksums || control.limits.logsHints else { return [] }
    let cause = hasChecksums ? "data checksums are on" : "wal_log_hints is on"
    return [
      EstimateReport.Advice(
        topic: .checksums,
        text: "\(cause): reading rows that changed lately logs whole pages for their hint bits; "
          + "VACUUM before you branch, and branches that read store less")
    ]
  }
}
