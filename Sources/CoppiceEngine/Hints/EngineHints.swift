internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What a store remembers for estimates and reports: in RAM, and from time to time in files of
/// which any may be missing, old or damaged without consequence (I8).
final class EngineHints: Sendable {
  static let collectionFile = "hints-collection"
  static let scrubFile = "hints-scrub"
  static let growthFile = "hints-growth"
  static let spaceFile = "hints-space"

  let collection = Mutex(CollectionHints())
  /// What opening found of the file of `collection`.
  private let found = Mutex(Found.whole)
  let scrub = Mutex(ScrubHints())
  let growth = Mutex(GrowthLog())
  let space = Mutex(SpaceHistory())
  let added = Mutex(AddedCounts())
  /// Of `added` what is worth keeping, with the roots that it holds for: what opening found, then
  /// what was true at the last checkpoint.
  let addedHints = Mutex<[SpaceHints.Added]>([])
  /// One save at a time.
  private let saving = Monitor()
  private let saved = Mutex(Saved())

  /// What there was of a file.
  enum Found { case whole, damaged, missing }

  var foundCollection: Found { found.withLock { $0 } }

  /// What the files hold, as far as is known.
  private struct Saved {
    var collection = CollectionHints()
    var scrub = ScrubHints()
    var growthChangeCount = 0
    var space = SpaceHints()
  }

  /// Throws when a file cannot be read now: the next save would replace what is in it.
  func load(from disk: any Disk) throws(StoreError) {
    let bytes = try Self.bytes(of: Self.collectionFile, disk)
    if let bytes, let hints = try? CollectionHints.decode(bytes.span.bytes) {
      collection.withLock { $0 = hints }
    } else {
      found.withLock { $0 = bytes == nil ? .missing : .damaged }
    }
    if let bytes = try Self.bytes(of: Self.scrubFile, disk),
      let hints = try? ScrubHints.decode(bytes.span.bytes)
    {
      scrub.withLock { $0 = hints }
    }
    if let bytes = try Self.bytes(of: Self.growthFile, disk),
      let hints = try? GrowthHints.decode(bytes.span.bytes)
    {
      growth.withLock { $0 = GrowthLog(hints) }
    }
    var space = SpaceHints()
    if let bytes = try Self.bytes(of: Self.spaceFile, disk),
      let hints = try? SpaceHints.decode(bytes.span.bytes)
    {
      space = hints
      self.space.withLock { $0 = SpaceHistory(hints.samples) }
      addedHints.withLock { $0 = hints.added }
    }
    let collected = collection.withLock { $0 }
    let scrubbed = scrub.withLock { $0 }
    saved.withLock { [space] in
      $0 = Saved(collection: collected, scrub: scrubbed, space: space)
    }
  }

  /// The files that are there and cannot be decoded, as far as they can be read.
  static func damagedFiles(on disk: any Disk) -> [String] {
    let decoders: [(name: String, decode: ([UInt8]) throws(FormatError) -> Void)] = [
      (
        collectionFile,
        { (bytes) throws(FormatError) in _ = try CollectionHints.decode(bytes.span.bytes) }
      ),
      (scrubFile, { (bytes) throws(FormatError) in _ = try ScrubHints.decode(bytes.span.bytes) }),
      (growthFile, { (bytes) throws(FormatError) in _ = try GrowthHints.decode(bytes.span.bytes) }),
      (spaceFile, { (bytes) throws(FormatError) in _ = try SpaceHints.decode(bytes.span.bytes) }),
    ]
    return decoders.filter { name, decode in
      guard let bytes = try? disk.contents(of: name) else { return false }
      do throws(FormatError) { try decode(bytes) } catch { return true }
      return false
    }.map(\.name)
  }

  /// A missing or damaged file of hints is as good as none, and so is one that nobody may read.
  private static func bytes(of name: String, _ disk: any Disk) throws(StoreError) -> [UInt8]? {
    do throws(SystemError) { return try disk.contents(of: name) } catch {
      if error.isPassing { throw StoreError(error, while: "reading \(name)") }
      return nil
    }
  }

  /// Writes what changed since it was last written. Returns whether all that was there when it
  /// began is durable; that it is not harms nothing that counts.
  @discardableResult
  func save(to disk: any Disk) -> Bool {
    saving.withLock {
      let before = saved.withLock { $0 }
      let collected = collection.withLock { $0 }
      let scrubbed = scrub.withLock { $0 }
      let growthChangeCount = growth.withLock { $0.changeCount }
      let space = SpaceHints(
        samples: self.space.withLock { $0.samples }, added: addedHints.withLock { $0 })
      var files: [(name: String, bytes: [UInt8])] = []
      if collected != before.collection { files.append((Self.collectionFile, collected.encode())) }
      if scrubbed != before.scrub { files.append((Self.scrubFile, scrubbed.encode())) }
      if growthChangeCount != before.growthChangeCount {
        files.append((Self.growthFile, growth.withLock { $0.hints }.encode()))
      }
      if space != before.space { files.append((Self.spaceFile, space.encode())) }
      guard !files.isEmpty else { return true }
      do throws(SystemError) {
        for file in files {
          try disk.replace(file.name, with: file.bytes, unfinished: "\(file.name).new")
        }
        try disk.syncDirectory("")
      } catch {
        // The hints that are on disk are older then.
        return false
      }
      saved.withLock {
        $0 = Saved(
          collection: collected, scrub: scrubbed, growthChangeCount: growthChangeCount,
          space: space)
      }
      return true
    }
  }
}
