internal import CoppiceEngine
package import CoppiceFormat
internal import CoppicePlatform

/// Where an entry lies in the order in which a mount lists its directory, and so where reading goes
/// on behind it.
package struct EntryPosition: Hashable, Comparable, Sendable {
  /// Before `.`, which is followed by `..` and then by the names.
  package static let start = EntryPosition(rawValue: 0)
  package static let behindDot = EntryPosition(rawValue: 1)
  package static let behindDots = EntryPosition(rawValue: 2)

  /// Fits into an `off_t`.
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package static func < (a: EntryPosition, b: EntryPosition) -> Bool { a.rawValue < b.rawValue }
}

/// The order in which mounts of a store list directories: by a hash of the name.
///
/// A position depends on nothing but the name. So it holds in every use of the directory, now and
/// later, and whatever comes and goes, the entry's own removal included, moves no other entry. The
/// hash is keyed, so that nobody prepares two names with one position.
package struct EntryOrder: Sendable {
  private let secret: HashSecret

  package init(_ secret: HashSecret) { self.secret = secret }

  package func position(of name: FileName) -> EntryPosition {
    name.bytes.withBytes { position(ofName: $0) }
  }

  func position(ofName bytes: UnsafeRawBufferPointer) -> EntryPosition {
    let hash = secret.pageHash(bytes).low >> 1
    return EntryPosition(rawValue: max(hash, EntryPosition.behindDots.rawValue + 1))
  }
}

extension Store {
  package var entryOrder: EntryOrder { EntryOrder(engine.secret) }
}

/// The next entries of a directory in the order of their positions, as many as memory is to hold.
///
/// The tree has names in the order of their bytes, so a window takes one walk through all of them.
/// An entry that is there from the first window of a listing to its last is in exactly one of them.
package struct DirectoryWindow: Sendable {
  package static let entryCountMax = 16_384
  private static let partCount = 1024

  package struct Place: Sendable {
    package let position: EntryPosition
    package let entry: DirectoryEntry
  }

  /// All entries of the window lie behind it.
  package let start: EntryPosition
  /// Ascending.
  package private(set) var places: [Place] = []
  /// Whether no entries lie behind the last one.
  package var reachesEnd: Bool { end == nil }
  /// The one state of the names that the entries are those of; `nil` when it changed meanwhile.
  package private(set) var version: UInt64?

  private let order: EntryOrder
  private let countMax: Int
  /// Entries behind it are not wanted any more.
  private var end: EntryPosition?

  /// - Parameter entries: of the directory, in any order.
  package init(
    _ entries: [DirectoryEntry], after start: EntryPosition, _ order: EntryOrder,
    countMax: Int = entryCountMax
  ) {
    self.start = start
    self.order = order
    self.countMax = countMax
    for entry in entries {
      let position = order.position(of: entry.name)
      if position > start { places.append(Place(position: position, entry: entry)) }
    }
    cut()
  }

  /// Reads the directory. Throws `notFound`; `invalid` with reason `notDirectory`.
  package init(
    of directory: FileID, in tree: FileTree, after start: EntryPosition, _ order: EntryOrder,
    countMax: Int = entryCountMax
  ) throws(StoreError) {
    self.init([], after: start, order, countMax: countMax)
    let before = tree.namesVersion
    var last: FileName?
    repeat {
      let part = try tree.core.read { names throws(StoreError) in
        _ = try names.directoryInode(of: directory)
        return try names.places(of: directory, after: last, limit: Self.partCount, in: self)
      }
      places += part.places
      last = part.last
      if places.count >= 2 * countMax { cut() }
    } while last != nil
    cut()
    if before.isMultiple(of: 2), tree.namesVersion == before { version = before }
  }

  /// The entries behind a position that is not before `start`.
  package func places(after position: EntryPosition) -> ArraySlice<Place> {
    var range = places.startIndex..<places.endIndex
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if places[middle].position <= position {
        range = middle + 1..<range.upperBound
      } else {
        range = range.lowerBound..<middle
      }
    }
    return places[range.lowerBound...]
  }

  /// Whether the window has the next entry behind a position, if there is one.
  package func covers(_ position: EntryPosition) -> Bool {
    guard position >= start else { return false }
    return reachesEnd || places.last.map { position < $0.position } ?? false
  }

  /// The position of a name that the window is to have; `nil` for one that lies before it or
  /// behind.
  fileprivate func position(ofWanted name: UnsafeRawBufferPointer) -> EntryPosition? {
    let position = order.position(ofName: name)
    guard position > start else { return nil }
    if let end, position > end { return nil }
    return position
  }

  /// Sorts, and drops what lies behind the first `countMax`.
  private mutating func cut() {
    places.sort { ($0.position, $0.entry.name) < ($1.position, $1.entry.name) }
    guard places.count > countMax else { return }
    places.removeSubrange(countMax...)
    end = places.last?.position
  }
}

extension NamesPages {
  /// Goes through at most `limit` names of a directory behind `after`; returns those that a window
  /// is to have, and the last one seen, `nil` at the directory's end.
  fileprivate func places(
    of directory: FileID, after: FileName?, limit: Int, in window: DirectoryWindow
  ) throws(StoreError) -> (places: [DirectoryWindow.Place], last: FileName?) {
    let prefix = NamesKey.entry(directory.volume, [])
    let start = after.map { NamesKey.entry(directory.volume, $0.bytes + [0]) }
    var places: [DirectoryWindow.Place] = []
    var last: FileName?
    var rest = limit
    try walk(prefix: prefix, from: start) { cell, page throws(StoreError) in
      let bytes = UnsafeRawBufferPointer(rebasing: cell.key[prefix.bytes.count...])
      rest -= 1
      if rest == 0 { last = FileName(stored: Array(bytes)) }
      guard let position = window.position(ofWanted: bytes) else { return rest > 0 }
      let entry = try withValue(of: cell, in: page) { bytes throws(FormatError) in
        try EntryRecord(decoding: bytes)
      }
      if let kind = FileKind(rawValue: entry.kind) {
        let found = DirectoryEntry(
          name: FileName(stored: Array(bytes)), file: FileID(entry.file), kind: kind)
        places.append(DirectoryWindow.Place(position: position, entry: found))
      }
      return rest > 0
    }
    return (places, last)
  }
}
