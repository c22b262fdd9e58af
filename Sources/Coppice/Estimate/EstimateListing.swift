internal import CoppicePlatform

/// Lists what an input has, in the order of paths.
enum EstimateListing {
  /// All below a directory.
  static func entries(of top: HostDirectory) throws(StoreError) -> [EstimateEntry] {
    var entries: [EstimateEntry] = []
    var walk = HostDirectoryWalk(top)
    func names(_ directory: HostDirectory) throws(StoreError) -> ArraySlice<[UInt8]> {
      try reading(directory.path) { () throws(SystemError) in try directory.names()[...] }
    }
    var levels = [(path: BranchPath.root, rest: try names(top))]
    while let level = levels.indices.last {
      guard let name = levels[level].rest.popFirst() else {
        levels.removeLast()
        if !levels.isEmpty {
          _ = try reading(walk.current.path) { () throws(SystemError) in try walk.ascend() }
        }
        continue
      }
      let path = levels[level].path.appending(try FileName(bytes: name))
      let source = walk.current
      let status = try reading("\(top.path)/\(path)") { () throws(SystemError) in
        try source.status(of: name)
      }
      // An attribute that cannot be read is kept by no import either.
      let node = try ImportedNode(status, of: name, in: source, unread: { _ in })
      entries.append(EstimateEntry(path, node, status))
      guard node.kind == .directory else { continue }
      try reading("\(top.path)/\(path)") { () throws(SystemError) in try walk.descend(name) }
      levels.append((path, try names(walk.current)))
    }
    return withoutRepeatedContent(entries)
  }

  /// The members of a tar file. Of several with one name the last counts; directories that are
  /// only part of others' paths are there too.
  static func entries(ofArchive file: HostFile) throws(StoreError) -> [EstimateEntry] {
    var members: [BranchPath: EstimateEntry] = [:]
    var reader = TarReader(ArchiveInput(file), object: file.path)
    var fileCount: UInt64 = 0
    while let member = try reader.next() {
      let path = try self.path(member.path, of: file)
      if path == .root { continue }
      fileCount += 1
      var source = ImportedFiles.Source.inode(device: 0, inode: fileCount)
      var node = try ImportedNode(member)
      if member.kind == .hardLink {
        guard let target = members[try self.path(member.linkTarget, of: file)] else {
          throw StoreError(
            .invalid,
            "a hard link to '\(ByteText.text(member.linkTarget))', which is no member before it",
            object: file.path, remedy: "check the archive", cause: "member '\(path)'")
        }
        (source, node) = (target.source, target.node)
      }
      members[path] = EstimateEntry(
        path, node, source, byteCount: member.byteCount,
        pieces(of: member, at: reader.dataOffset))
    }
    try addDirectories(&members)
    return withoutRepeatedContent(members.values.sorted { $0.path < $1.path })
  }

  private static func path(_ bytes: [UInt8], of file: HostFile) throws(StoreError) -> BranchPath {
    var path = BranchPath.root
    do throws(StoreError) {
      for name in bytes.split(separator: UInt8(ascii: "/")) where !name.elementsEqual(".".utf8) {
        path = path.appending(try FileName(bytes: name))
      }
    } catch {
      throw StoreError(
        .invalid, "a member's path is not usable: \(error.message)", object: file.path,
        remedy: "make the archive with relative paths",
        cause: "member '\(ByteText.text(bytes))'")
    }
    return path
  }

  private static func pieces(
    of member: TarEntry, at start: UInt64
  ) -> [EstimateContent.Piece] {
    var offset = start
    return (member.dataRanges ?? [0..<member.byteCount]).filter { !$0.isEmpty }.map { range in
      defer { offset += UInt64(range.count) }
      return EstimateContent.Piece(range: range, offset: offset)
    }
  }

  private static func addDirectories(
    _ members: inout [BranchPath: EstimateEntry]
  ) throws(StoreError) {
    for path in members.keys {
      var path = path
      while let parent = path.parent, parent != .root, members[parent] == nil {
        var directory = TarEntry(kind: .directory, path: parent.bytes)
        directory.mode = 0o755
        members[parent] = EstimateEntry(
          parent, try ImportedNode(directory), .single, byteCount: 0, [])
        path = parent
      }
    }
  }

  /// The content of a file with several names belongs to the first of them.
  private static func withoutRepeatedContent(_ entries: [EstimateEntry]) -> [EstimateEntry] {
    var contents: [ImportedFiles.Source: (content: EstimateEntry.Content, byteCount: UInt64)] = [:]
    for entry in entries where entry.source != .single {
      if entry.byteCount > 0 || contents[entry.source] == nil {
        contents[entry.source] = (entry.content, entry.byteCount)
      }
    }
    return entries.map { entry in
      guard entry.isRegular, entry.source != .single else { return entry }
      var entry = entry
      if let found = contents.removeValue(forKey: entry.source) {
        (entry.content, entry.byteCount) = found
      } else {
        entry.becomeFurtherName()
      }
      return entry
    }
  }
}

/// A tar file, of which only headers are read.
private final class ArchiveInput: TransferInput {
  private let file: HostFile
  private var offset: UInt64 = 0

  init(_ file: HostFile) { self.file = file }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
    let count = try reading(file.path) { () throws(SystemError) in
      try file.read(into: buffer, at: offset)
    }
    offset += UInt64(count)
    return count
  }

  func skip(_ byteCount: UInt64) -> Bool {
    offset += byteCount
    return true
  }
}
