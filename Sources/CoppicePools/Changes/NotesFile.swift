internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform

/// The notes of a pool in a folder of the store, with copies of the newest head and of the
/// store's own object beside them, from which a lost one is made again by hand.
struct NotesFile: Sendable {
  private(set) var notes: PoolNotes
  /// Whether what is seen is written down. Without it nothing may be changed.
  var isKept: Bool
  private let disk: any Disk
  private let folder: String

  /// Reads the notes, or begins new ones with a member's id of their own.
  ///
  /// - Parameters:
  ///   - folder: of this pool alone; it exists.
  ///
  /// Throws `conflict` for notes of another pool, `corrupt`, `denied`, `unavailable`.
  init(
    of pool: StoreUUID, on disk: any Disk, in folder: String, isKept: Bool,
    using random: RandomSource
  ) throws(StoreError) {
    self.isKept = isKept
    self.disk = disk
    self.folder = folder
    if let bytes = try Self.contents(of: "\(folder)/\(Self.name)", on: disk) {
      notes = try StoreError.decoding("\(folder)/\(Self.name)") { () throws(FormatError) in
        try PoolNotes.decode(bytes.span.bytes)
      }
    } else {
      notes = PoolNotes(pool: pool, member: PoolMemberID(low: random.next(), high: random.next()))
    }
    // A copy of the store goes on from the same number, and their receipts must not be taken for
    // each other's: so every process begins somewhere else.
    notes.attempt.rawValue += random.next() >> 32
    guard notes.pool == pool else {
      throw StoreError(
        .conflict, "what was noted is about the pool \(notes.pool), and this is \(pool)",
        object: folder)
    }
  }

  /// Changes the notes; durable on return. After an error they are as before, here, and what is on
  /// disk may have the change: everything noted may be noted once more.
  mutating func update(_ change: (inout PoolNotes) -> Void) throws(StoreError) {
    var changed = notes
    change(&changed)
    guard changed != notes else { return }
    guard isKept else {
      notes = changed
      return
    }
    do throws(SystemError) {
      try replace(Self.name, changed.encode())
      try disk.syncDirectory(folder)
    } catch {
      throw Self.failure(error)
    }
    notes = changed
  }

  /// Keeps what was read or written last of the head or of the own object.
  func keep(_ bytes: [UInt8], of name: PoolObjectName) throws(StoreError) {
    guard isKept, let copy = Self.copyName(of: name, notes) else { return }
    do throws(SystemError) { try replace(copy, bytes) } catch { throw Self.failure(error) }
  }

  private static func contents(of path: String, on disk: any Disk) throws(StoreError) -> [UInt8]? {
    do throws(SystemError) { return try disk.contents(of: path) } catch {
      guard error.isMissing else { throw failure(error) }
      return nil
    }
  }

  private static let name = "notes"

  private static func copyName(of name: PoolObjectName, _ notes: PoolNotes) -> String? {
    switch name {
    case .head: "head"
    case .member(notes.member): "member"
    default: nil
    }
  }

  private func replace(_ name: String, _ bytes: [UInt8]) throws(SystemError) {
    let path = "\(folder)/\(name)"
    try disk.replace(path, with: bytes, unfinished: path + ".new")
  }

  private static func failure(_ error: SystemError) -> StoreError {
    let kind: StoreError.Kind =
      if error.isFull { .full } else if error.isDenied { .denied } else { .unavailable }
    return StoreError(
      kind, "what must be known of the pool could not be noted", object: error.path,
      cause: "\(error)")
  }
}
