internal import CoppiceEngine
internal import CoppiceFormat

/// Puts page differences of volumes and differences of names together into the items of a `Diff`.
struct DiffBuilder {
  private let difference: BranchDifference
  private let old: CommittedNames
  private let new: CommittedNames
  private let oldSpace: PinnedView
  private let newSpace: PinnedView
  private let listsPages: Bool
  private var oldPaths: PathFinder
  private var newPaths: PathFinder
  private var volumes: [FileID: VolumeDifference] = [:]
  private var items: [Diff.Item] = []

  /// A name that one state has and the other has not, or leads elsewhere there.
  private struct Name: Hashable {
    var path: BranchPath
    var file: FileID
  }

  /// Sorted by path.
  static func items(
    from old: PinnedView, to new: PinnedView, listingPages: Bool
  ) throws(StoreError) -> [Diff.Item] {
    var builder = try DiffBuilder(from: old, to: new, listsPages: listingPages)
    try builder.run()
    return builder.items
  }

  private init(
    from oldSpace: PinnedView, to newSpace: PinnedView, listsPages: Bool
  ) throws(StoreError) {
    self.listsPages = listsPages
    self.oldSpace = oldSpace
    self.newSpace = newSpace
    difference = BranchDifference(from: oldSpace, to: newSpace)
    old = try NamesCache(space: oldSpace).current()
    new = try NamesCache(space: newSpace).current()
    oldPaths = PathFinder(names: old)
    newPaths = PathFinder(names: new)
  }

  private mutating func run() throws(StoreError) {
    var volumes: [FileID: VolumeDifference] = [:]
    var namesPages: [Range<UInt64>] = []
    try difference.forEachVolume { volume throws(StoreError) in
      if volume.volume == .names {
        namesPages = volume.pages
      } else {
        volumes[FileID(volume.volume)] = volume
      }
    }
    self.volumes = volumes
    let comparison = try NamesComparison(old, new, pages: namesPages)
    var seen: Set<FileID> = [.root]
    try addNames(comparison, seen: &seen)
    try addChanges(comparison, seen: seen)
    items.sort {
      ($0.path, $0.change == .removed ? 0 : 1) < ($1.path, $1.change == .removed ? 0 : 1)
    }
  }

  // MARK: Names that came, went or lead elsewhere

  private mutating func addNames(
    _ comparison: NamesComparison, seen: inout Set<FileID>
  ) throws(StoreError) {
    var removed: [Name] = []
    var added: [Name] = []
    for key in comparison.removed + comparison.changed {
      if let name = try name(key, old, &oldPaths) { removed.append(name) }
    }
    for key in comparison.added + comparison.changed {
      if let name = try name(key, new, &newPaths) { added.append(name) }
    }
    let addedAt = Dictionary(added.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    var replaced: Set<BranchPath> = []
    for name in removed {
      guard let now = addedAt[name.path], try kind(name.file, old) == kind(now.file, new) else {
        continue
      }
      replaced.insert(name.path)
      seen.formUnion([name.file, now.file])
      try addPair(.changed, name.path, name.file, now.file)
    }
    removed.removeAll { replaced.contains($0.path) }
    added.removeAll { replaced.contains($0.path) }

    var origins = Dictionary(
      removed.map { ($0.file, $0.path) }, uniquingKeysWith: { first, _ in first })
    var moved: Set<BranchPath> = []
    for name in added.sorted(by: { $0.path < $1.path }) {
      seen.insert(name.file)
      if let origin = origins.removeValue(forKey: name.file) {
        moved.insert(origin)
        try addPair(.renamed(from: origin), name.path, name.file, name.file)
      } else {
        try add(.added, name, new, newSpace)
      }
    }
    for name in removed where !moved.contains(name.path) {
      seen.insert(name.file)
      try add(.removed, name, old, oldSpace)
    }
  }

  private func name(
    _ key: NamesKey, _ names: CommittedNames, _ paths: inout PathFinder
  ) throws(StoreError) -> Name? {
    guard case .entry(let directory, let bytes) = try decode(key) else { return nil }
    let name = FileName(stored: bytes)
    guard let entry = try names.entry(name, in: FileID(directory)),
      let path = try paths.path(of: name, in: FileID(directory))
    else { return nil }
    return Name(path: path, file: entry.file)
  }

  private func decode(_ key: NamesKey) throws(StoreError) -> NamesKey.Content {
    do throws(FormatError) {
      return try key.decode()
    } catch {
      throw .damagedNames(0, error)
    }
  }

  private func kind(_ file: FileID, _ names: CommittedNames) throws(StoreError) -> UInt8 {
    try names.inode(of: file).kind
  }

  // MARK: Files that changed in place

  private mutating func addChanges(
    _ comparison: NamesComparison, seen: Set<FileID>
  ) throws(StoreError) {
    var files = Set(volumes.keys)
    for key in comparison.changed + comparison.added + comparison.removed {
      switch try decode(key) {
      case .inode(let file), .attribute(let file, _): files.insert(FileID(file))
      case .entry, .orphan: break
      }
    }
    files.insert(.root)
    for file in files.sorted() where file == .root || !seen.contains(file) {
      guard try old.contains(.inode(file.volume)), try new.contains(.inode(file.volume)),
        let path = try newPaths.path(of: file)
      else { continue }
      try addPair(.changed, path, file, file)
    }
  }

  /// Adds an item for a file in both states, unless it is the same in both at the same place.
  private mutating func addPair(
    _ change: Diff.Change, _ path: BranchPath, _ oldFile: FileID, _ newFile: FileID
  ) throws(StoreError) {
    let before = try attributes(oldFile, old, oldSpace)
    let after = try attributes(newFile, new, newSpace)
    let volume =
      oldFile == newFile
      ? volumes[newFile]
      : try difference.difference(of: oldFile.volume, and: newFile.volume)
    let attributesChanged = try isAttributesChange(before, after)
    let isContentChange =
      after.kind == .regular
      && (!(volume?.pages.isEmpty ?? true) || before.byteCount != after.byteCount)
    if change == .changed, !attributesChanged, !isContentChange { return }
    items.append(
      item(
        change, path, after, oldByteCount: before.byteCount, newByteCount: after.byteCount,
        pages: after.kind == .regular ? volume?.pages ?? [] : [],
        attributesChanged: attributesChanged))
  }

  private mutating func add(
    _ change: Diff.Change, _ name: Name, _ names: CommittedNames, _ space: PinnedView
  ) throws(StoreError) {
    let attributes = try attributes(name.file, names, space)
    let unit = UInt64(space.pageByteCount)
    let stored =
      attributes.kind == .regular
      ? try space.storedRanges(of: name.file.volume, in: 0..<attributes.byteCount) : []
    let byteCount = attributes.byteCount
    items.append(
      item(
        change, name.path, attributes, oldByteCount: change == .added ? 0 : byteCount,
        newByteCount: change == .added ? byteCount : 0,
        pages: stored.map { $0.lowerBound / unit..<($0.upperBound + unit - 1) / unit },
        attributesChanged: false))
  }

  private func item(
    _ change: Diff.Change, _ path: BranchPath, _ attributes: FileAttributes,
    oldByteCount: UInt64, newByteCount: UInt64, pages: [Range<UInt64>], attributesChanged: Bool
  ) -> Diff.Item {
    let unit = UInt64(newSpace.pageByteCount)
    let end = max(oldByteCount, newByteCount)
    let changedByteCount = pages.reduce(UInt64(0)) { sum, range in
      let start = min(range.lowerBound * unit, end)
      return sum + min(range.upperBound * unit, end) - start
    }
    return Diff.Item(
      change: change, path: path, file: attributes.file, kind: attributes.kind,
      oldByteCount: oldByteCount, newByteCount: newByteCount,
      changedPageCount: pages.reduce(0) { $0 + $1.count },
      changedByteCount: changedByteCount, attributesChanged: attributesChanged,
      pages: listsPages ? pages.map(PageRange.init) : nil)
  }

  private func attributes(
    _ file: FileID, _ names: CommittedNames, _ space: PinnedView
  ) throws(StoreError) -> FileAttributes {
    let inode = try names.inode(of: file)
    let isRegular = inode.kind == FileKind.regular.rawValue
    return FileAttributes(
      inode, of: file, volume: isRegular ? try space.attributes(of: file.volume) : nil)
  }

  private func isAttributesChange(
    _ before: FileAttributes, _ after: FileAttributes
  ) throws(StoreError) -> Bool {
    if before.permissions != after.permissions || before.userID != after.userID
      || before.groupID != after.groupID || before.flags != after.flags
      || before.device != after.device
    {
      return true
    }
    if after.kind == .symbolicLink,
      try old.inode(of: before.file).target != new.inode(of: after.file).target
    {
      return true
    }
    return try extendedAttributes(old, before.file) != extendedAttributes(new, after.file)
  }

  private func extendedAttributes(
    _ names: CommittedNames, _ file: FileID
  ) throws(StoreError) -> [AttributeName: [UInt8]] {
    var values: [AttributeName: [UInt8]] = [:]
    for name in try names.attributeNames(of: file) {
      values[name] = try names.attributeValue(name, of: file)
    }
    return values
  }
}
