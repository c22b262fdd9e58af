/// How far an import or export has come.
public struct TransferProgress: Hashable, Sendable, Codable {
  /// Bytes of content read or skipped so far.
  public var byteCount: UInt64
  /// Bytes of content in all, as far as that is known.
  public var expectedByteCount: UInt64?

  public init(byteCount: UInt64, expectedByteCount: UInt64?) {
    self.byteCount = byteCount
    self.expectedByteCount = expectedByteCount
  }
}

/// Where an import reads from.
public enum ImportSource: Hashable, Sendable {
  /// A directory or a file of the machine, or a pipe that is read to its end. Symbolic links to
  /// them are followed.
  case path(String)
  /// Bytes that the caller has read already, then an open descriptor, read to its end. The caller
  /// keeps it.
  case stream(fileDescriptor: Int32, after: [UInt8] = [])
}

/// How an import treats its source and its target.
public struct ImportOptions: Sendable {
  /// The target exists and becomes like the source: what the source has not goes.
  public var isReplacing = false
  /// The source is a tar stream.
  public var isTar = false
  /// Reads every file, also those whose import stamp says that they did not change.
  public var checksum = false
  /// Does everything but the change: what the report says would be so.
  public var isDryRun = false
  /// Where the store is mounted: no directories are imported from there.
  public var mounts: [String] = []
  /// Threads that read and compress; 0: one for each core.
  public var threadCount = 0
  /// Called from any thread, some times a second. The source's byte count is found out before when
  /// this is set.
  public var progress: (@Sendable (TransferProgress) -> Void)?
  /// Asked from any thread, some times a second and where the source ends. Once it says yes the
  /// import ends with `unavailable`, and nothing is changed.
  public var isCancelled: (@Sendable () -> Bool)?
  /// Replaces a branch also while files of it are open; they are stale then.
  public var force = false
  /// The name of the trust domain that a new branch is made in; `nil`: `raw`. The name of a class
  /// is that of a domain for its data, which is made at first use. An existing branch stays in its
  /// own.
  public var domain: String?
  /// Whose a new branch is; `nil`: nobody's. An existing branch stays whose it is.
  public var owner: String?
  /// Changed in the transaction that makes a branch or replaces it; nothing else of an import is.
  public var annotations: [AnnotationChange] = []

  public init() {}
}

/// What an import did.
public struct ImportReport: Hashable, Sendable, Codable {
  /// Regular files of the source; a file with several names counts once.
  public var fileCount = 0
  public var directoryCount = 0
  public var symbolicLinkCount = 0
  /// Devices, pipes and sockets, which are kept as nodes.
  public var specialFileCount = 0
  /// Further names of files with several.
  public var hardLinkCount = 0
  /// Bytes of the files, holes included.
  public var byteCount: UInt64 = 0
  /// Files that were not read because they had not changed since the import before.
  public var unchangedFileCount = 0
  /// Names of the target that the source does not have.
  public var removedCount = 0
  /// Bytes of new pages and nodes in the store; what was equal or derived from old pages is small.
  public var storedByteCount: UInt64 = 0
  /// What could not be kept, one sentence each.
  public var notes: [String] = []

  public init() {}
}

/// Where an export writes to.
public enum ExportTarget: Hashable, Sendable {
  /// A path that does not exist, or an empty directory.
  case path(String)
  /// An open descriptor. The caller keeps it.
  case stream(fileDescriptor: Int32)
}

/// How an export writes.
public struct ExportOptions: Sendable {
  /// Writes a tar stream.
  public var isTar = false
  /// Threads that read and write; 0: one for each core.
  public var threadCount = 0
  /// Called from any thread, some times a second.
  public var progress: (@Sendable (TransferProgress) -> Void)?
  /// Asked from any thread, some times a second. Once it says yes the export ends with
  /// `unavailable`, and what it wrote is removed.
  public var isCancelled: (@Sendable () -> Bool)?

  public init() {}
}

/// What an export wrote.
public struct ExportReport: Hashable, Sendable, Codable {
  public var fileCount = 0
  public var directoryCount = 0
  public var symbolicLinkCount = 0
  public var specialFileCount = 0
  public var hardLinkCount = 0
  /// Bytes of the files, holes included.
  public var byteCount: UInt64 = 0
  /// How much the target did not take: owners, extended attributes, special files, links.
  public var lossCount = 0
  /// What could not be kept, one sentence for each kind with an example.
  public var notes: [String] = []

  public init() {}

  mutating func note(_ losses: ExportLosses) {
    lossCount = losses.count
    notes += losses.notes
  }
}
