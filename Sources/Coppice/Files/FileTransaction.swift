internal import CoppiceEngine
internal import CoppiceFormat

/// Changes to files of one branch that happen together or not at all.
///
/// A transaction belongs to the closure it is given to, and to its thread. What it reads shows its
/// own changes. Names and attributes stand still meanwhile, and no other transaction changes
/// content; `File.write` and the other methods that change content alone do not wait for it. Its
/// journal takes at most 64 MiB; more is `invalid`.
public final class FileTransaction {
  let core: TreeCore
  let names: NamesTransaction
  var operations: Transaction
  /// The moment of the transaction: what times become that nobody sets.
  public let time: Timestamp
  /// Files whose names or attributes changed.
  private(set) var touched: Set<FileID> = []
  /// Names that lead elsewhere now.
  private var changedNames: [DirectoryName] = []
  /// Files that lost their last name while open, and files that got one back.
  private(set) var orphaned: [FileID] = []
  private(set) var adopted: [FileID] = []
  /// What volumes are after this transaction, where it changed them.
  private var volumes: [VolumeNumber: VolumeAttributes?] = [:]

  init(core: TreeCore, names: NamesTransaction, time: Timestamp) {
    self.core = core
    self.names = names
    self.time = time
    operations = Transaction(time: time.nanoseconds)
  }

  func attributes(
    _ inode: InodeRecord, of file: FileID
  ) throws(StoreError) -> FileAttributes {
    let isRegular = inode.kind == FileKind.regular.rawValue
    return FileAttributes(inode, of: file, volume: isRegular ? try volume(of: file) : nil)
  }

  func volume(of file: FileID) throws(StoreError) -> VolumeAttributes? {
    if let known = volumes[file.volume] { return known }
    return try core.space.attributes(of: file.volume)
  }

  // MARK: Records

  func put(_ inode: InodeRecord, of file: FileID) throws(StoreError) {
    try names.put(.inode(file.volume), inode.encode())
    touched.insert(file)
  }

  /// The inode changes now, or at that time. It takes over the time of its content: as long as that
  /// stays the same the content did not change later.
  func touch(
    _ inode: inout InodeRecord, of file: FileID, at moment: Timestamp? = nil
  ) throws(StoreError) {
    inode.changed = (moment ?? time).nanoseconds
    guard inode.kind == FileKind.regular.rawValue, let volume = try volume(of: file) else { return }
    inode.modified = volume.modified
  }

  func putEntry(
    _ name: FileName, in directory: FileID, _ file: FileID, kind: UInt8
  ) throws(StoreError) {
    let record = EntryRecord(file: file.volume, kind: kind)
    try names.put(.entry(directory.volume, name.bytes), record.encode())
    changedNames.append(DirectoryName(name, in: directory))
  }

  func removeEntry(_ name: FileName, in directory: FileID) throws(StoreError) {
    try names.remove(.entry(directory.volume, name.bytes))
    changedNames.append(DirectoryName(name, in: directory))
  }

  /// What the transaction changed; `nil` for nothing.
  var change: TreeChange? {
    let files = touched.union(volumes.keys.lazy.map { FileID($0) })
    return files.isEmpty ? nil : .names(changedNames, of: Array(files))
  }

  /// A directory's entries changed; `linkDelta` of them are directories come or gone.
  func touchDirectory(_ directory: FileID, linkDelta: Int32 = 0) throws(StoreError) {
    var inode = try names.directoryInode(of: directory)
    inode.modified = time.nanoseconds
    inode.changed = time.nanoseconds
    inode.linkCount = UInt32(clamping: Int64(inode.linkCount) + Int64(linkDelta))
    try put(inode, of: directory)
  }

  func noteVolume(_ file: FileID, _ attributes: VolumeAttributes?) {
    volumes[file.volume] = .some(attributes)
  }

  // MARK: The end of a file

  /// One name of a file is gone. Without names it goes too, unless it is open.
  func dropLink(_ file: FileID, _ inode: InodeRecord) throws(StoreError) {
    var inode = inode
    try touch(&inode, of: file)
    let isDirectory = inode.kind == FileKind.directory.rawValue
    inode.linkCount = isDirectory || inode.linkCount == 0 ? 0 : inode.linkCount - 1
    guard inode.linkCount == 0 else { return try put(inode, of: file) }
    if core.uses.mustKeep(file) {
      try put(inode, of: file)
      try names.put(.orphan(file.volume), [])
      orphaned.append(file)
    } else {
      try destroy(file)
    }
  }

  /// Removes a file without names, unless somebody has opened it once more.
  func destroyAbandoned(_ file: FileID) throws(StoreError) {
    if core.uses.mustKeep(file) {
      orphaned.append(file)
    } else {
      try destroyOrphan(file)
    }
  }

  /// Removes a file without names that nobody has open any more.
  func destroyOrphan(_ file: FileID) throws(StoreError) {
    guard try names.remove(.orphan(file.volume)) else { return }
    operations.noteRemoval()
    try destroy(file)
  }

  private func destroy(_ file: FileID) throws(StoreError) {
    for name in try names.attributeNames(of: file) {
      try names.remove(.attribute(file.volume, name.bytes))
    }
    try names.remove(.inode(file.volume))
    if try volume(of: file) != nil { operations.drop(file.volume) }
    noteVolume(file, nil)
    touched.insert(file)
  }

  /// A file without names gets one: it is an orphan no more.
  func adoptOrphan(_ file: FileID) throws(StoreError) {
    try names.remove(.orphan(file.volume))
    adopted.append(file)
  }
}
