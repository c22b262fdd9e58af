internal import CoppiceFormat

/// Reads all names of a tree and says where they contradict each other: entries without files,
/// files without entries, link counts, parents, and kinds that differ.
struct FileChecker {
  private let names: CommittedNames
  private var inodes: [FileID: InodeRecord] = [:]
  private var entryCounts: [FileID: UInt32] = [:]
  private var directoryCounts: [FileID: UInt32] = [:]
  private var parents: [FileID: FileID] = [:]
  private var orphans: Set<FileID> = []
  private var findings: [String] = []

  /// One sentence for each thing found wrong; empty for a sound tree.
  static func check(_ names: CommittedNames) throws(StoreError) -> [String] {
    var checker = FileChecker(names: names)
    try checker.collectInodes()
    try checker.collectOthers()
    checker.compare()
    return checker.findings
  }

  private init(names: CommittedNames) { self.names = names }

  private mutating func collectInodes() throws(StoreError) {
    var inodes: [FileID: InodeRecord] = [:]
    try names.walk(prefix: .inodePrefix) { cell, page throws(StoreError) in
      let inode = try names.withValue(of: cell, in: page) { bytes throws(FormatError) in
        try InodeRecord(decoding: bytes)
      }
      if case .inode(let file) = try content(of: cell, in: page) { inodes[FileID(file)] = inode }
      return true
    }
    self.inodes = inodes
  }

  private func content(
    of cell: NamesPage.Cell, in page: UInt32
  ) throws(StoreError) -> NamesKey.Content {
    do throws(FormatError) {
      return try NamesKey(bytes: Array(cell.key)).decode()
    } catch {
      throw .damagedNames(page, error)
    }
  }

  private mutating func collectOthers() throws(StoreError) {
    var checker = self
    try names.walk(prefix: NamesKey(bytes: [])) { cell, page throws(StoreError) in
      switch try content(of: cell, in: page) {
      case .inode: break
      case .orphan(let file): checker.orphans.insert(FileID(file))
      case .attribute(let file, _):
        if checker.inodes[FileID(file)] == nil {
          checker.findings.append("file \(file.rawValue) has attributes, but does not exist")
        }
      case .entry(let directory, let name):
        let entry = try names.withValue(of: cell, in: page) { bytes throws(FormatError) in
          try EntryRecord(decoding: bytes)
        }
        checker.note(FileName(stored: name), in: FileID(directory), entry)
      }
      return true
    }
    self = checker
  }

  private mutating func note(_ name: FileName, in directory: FileID, _ entry: EntryRecord) {
    let file = FileID(entry.file)
    entryCounts[file, default: 0] += 1
    if inodes[directory]?.kind != FileKind.directory.rawValue {
      findings.append("name \(name) is in \(directory), which is no directory")
    }
    guard let inode = inodes[file] else {
      findings.append("name \(name) in \(directory) leads to \(file), which does not exist")
      return
    }
    if inode.kind != entry.kind {
      findings.append("name \(name) in \(directory) has another kind than \(file)")
    }
    if inode.kind == FileKind.directory.rawValue {
      directoryCounts[directory, default: 0] += 1
      if FileID(inode.parent) != directory {
        findings.append(
          "\(file) is in \(directory), but says it is in file \(inode.parent.rawValue)")
      }
    }
  }

  private mutating func compare() {
    if inodes[.root]?.kind != FileKind.directory.rawValue {
      findings.append("there is no root directory")
    }
    for (file, inode) in inodes.sorted(by: { $0.key < $1.key }) {
      let isDirectory = inode.kind == FileKind.directory.rawValue
      let entryCount = entryCounts[file] ?? 0
      let expected = isDirectory ? 2 + (directoryCounts[file] ?? 0) : entryCount
      if orphans.contains(file) {
        if entryCount != 0 { findings.append("\(file) is an orphan, but has a name") }
        continue
      }
      if inode.linkCount != expected {
        findings.append("\(file) has \(expected) links, but says \(inode.linkCount)")
      }
      if file != .root, entryCount == 0 { findings.append("\(file) has no name") }
      if isDirectory, entryCount > 1 { findings.append("\(file) has \(entryCount) names") }
    }
    for orphan in orphans.sorted() where inodes[orphan] == nil {
      findings.append("\(orphan) is an orphan, but does not exist")
    }
  }
}

extension TreeCore {
  /// Checks the tree of names page by page, and what the names say of files; one sentence for each
  /// finding.
  package func checkNames() throws(StoreError) -> [String] {
    try read { names throws(StoreError) in
      let findings = NamesChecker.check(names)
      return findings.isEmpty ? try FileChecker.check(names) : findings
    }
  }
}
