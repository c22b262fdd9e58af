package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// The proofs of deletions that a store keeps, in `STORE/proofs`, one a file: 100,000 at most, and
/// each for 90 days at least. Keeping another never removes one for its age, for which nobody has
/// more than the word of a wall clock: `removeOutdated` does, where the clock has proven itself.
///
/// A file is called `SECONDS~ID~NAME.json`, after the time of the deletion and the branch, whose
/// name has no `~`, or `SECONDS~ID~CAUSE~NAME.json` when it ended by itself: names in their order
/// are proofs in theirs, but for clocks that stood before 1970.
package struct KeptProofs {
  /// Which proof it is.
  package struct Key: Hashable, Comparable, Sendable {
    package var deletedAt: Timestamp
    /// The branch's number.
    package var id: UInt64
    package var name: String
    /// Of what it ended by itself; `nil` when somebody deleted it.
    package var cause: EntryEnding.Cause?

    package static func < (a: Key, b: Key) -> Bool { (a.deletedAt, a.id) < (b.deletedAt, b.id) }

    /// - Parameter deletedAt: only its whole seconds are kept.
    package init(
      deletedAt: Timestamp, id: UInt64, name: String, cause: EntryEnding.Cause? = nil
    ) {
      self.deletedAt = Timestamp(seconds: deletedAt.seconds, nanoseconds: 0)
      self.id = id
      self.name = name
      self.cause = cause
    }

    init?(fileName: String) {
      guard fileName.hasSuffix(Self.suffix) else { return nil }
      let parts = fileName.dropLast(Self.suffix.count).split(
        separator: "~", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, let seconds = Int64(parts[0]), let id = UInt64(parts[1]) else {
        return nil
      }
      let rest = parts[2].split(separator: "~", maxSplits: 1, omittingEmptySubsequences: false)
      let cause = rest.count == 2 ? EntryEnding.Cause(rawValue: String(rest[0])) : nil
      self.init(
        deletedAt: Timestamp(seconds: seconds, nanoseconds: 0), id: id,
        name: String(cause == nil ? parts[2] : rest[1]), cause: cause)
    }

    private static let suffix = ".json"
    private static let digitCount = 11

    var fileName: String {
      let digits = String(deletedAt.seconds.magnitude)
      let padding = String(repeating: "0", count: max(0, Self.digitCount - digits.count))
      let sign = deletedAt.seconds < 0 ? "-" : ""
      let cause = cause.map { "\($0.rawValue)~" } ?? ""
      return "\(sign)\(padding)\(digits)~\(id)~\(cause)\(name)\(Self.suffix)"
    }
  }

  package static let directoryName = "proofs"
  package static let secondCountMin: Int64 = 90 * 86_400
  package static let countMax = 100_000

  /// Two that keep one proof at once would write one file.
  private static let keeping = Mutex(())

  private let store: Store
  private let countMax: Int

  package init(_ store: Store, countMax: Int = KeptProofs.countMax) {
    self.store = store
    self.countMax = countMax
  }

  /// Keeps a proof, in place of an earlier one of the same deletion, durable on return; the oldest
  /// others go that are too many. Throws `full`, `denied`.
  package func keep(_ envelope: Envelope, as key: Key) throws(StoreError) {
    try keep([(envelope, key)])
  }

  /// As the other, of several. When it throws, some may be kept.
  package func keep(_ proofs: [(envelope: Envelope, key: Key)]) throws(StoreError) {
    try Self.keeping.withLock { _ throws(StoreError) in try keepLocked(proofs) }
  }

  private func keepLocked(
    _ proofs: [(envelope: Envelope, key: Key)]
  ) throws(StoreError) {
    let directory = try PrivateDirectory.make(
      Self.directoryName, in: store.directory, isSecret: false)
    for proof in proofs { try directory.put(proof.key.fileName, proof.envelope.bytes) }
    try directory.sync()
    let keys = try keys(in: directory)
    guard keys.count > countMax else { return }
    let new = Set(proofs.map(\.key))
    for old in keys.filter({ !new.contains($0) }).prefix(keys.count - countMax) {
      try directory.remove(old.fileName)
    }
  }

  /// Removes those that are older than 90 days by the time of the deletion and by that of the file,
  /// and returns how many.
  ///
  /// - Parameter now: of a clock that has proven itself: what is removed comes back by nothing.
  package func removeOutdated(at now: Timestamp) throws(StoreError) -> Int {
    guard
      let directory = try PrivateDirectory.find(
        Self.directoryName, in: store.directory, isSecret: false)
    else { return 0 }
    let (oldest, isBeyond) = now.seconds.subtractingReportingOverflow(Self.secondCountMin)
    guard !isBeyond else { return 0 }
    var count = 0
    for key in try keys(in: directory) where key.deletedAt.seconds < oldest {
      guard let modified = try directory.modified(key.fileName), modified.seconds < oldest else {
        continue
      }
      try directory.remove(key.fileName)
      count += 1
    }
    return count
  }

  /// All of them, oldest first.
  package func keys() throws(StoreError) -> [Key] {
    guard
      let directory = try PrivateDirectory.find(
        Self.directoryName, in: store.directory, isSecret: false)
    else { return [] }
    return try keys(in: directory)
  }

  /// The last one of a branch of that name, or of that number. Throws `notFound`.
  package func key(of name: String, id: UInt64? = nil) throws(StoreError) -> Key {
    let found = try keys().last { $0.name.hasBytes(of: name) && (id == nil || $0.id == id) }
    if let found { return found }
    throw StoreError(
      .notFound, "no proof of its deletion is kept", object: name,
      remedy: "list those that are with `coppice proof list`, or ask `coppice reclaim verify`")
  }

  /// Throws `notFound` for one that is gone, `corrupt` for a file that is no whole envelope.
  package func envelope(_ key: Key) throws(StoreError) -> Envelope {
    let directory = try PrivateDirectory.find(
      Self.directoryName, in: store.directory, isSecret: false)
    guard let bytes = try directory?.read(key.fileName, atMost: Envelope.byteCountMax) else {
      throw StoreError(.notFound, "the proof of its deletion is kept no longer", object: key.name)
    }
    do throws(StoreError) { return try Envelope(bytes) } catch {
      var failure = error
      failure.object = "\(Self.directoryName)/\(key.fileName)"
      throw failure
    }
  }

  private func keys(in directory: PrivateDirectory) throws(StoreError) -> [Key] {
    try directory.names().compactMap(Key.init(fileName:)).sorted()
  }
}
