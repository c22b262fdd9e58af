internal import Coppice
internal import CoppiceInstances
internal import CoppicePlatform

/// What makes a fork of a branch with PostgreSQL data directories fit for a server of its own.
///
/// A fork of a running server's files is what a power cut would have left; PostgreSQL recovers from
/// that. What it cannot know is that it is a copy: `postmaster.pid` names its origin's process, and
/// links to tablespaces lead to its origin's files. A plan is made by reading alone, of the origin
/// before there is a fork, or of the fork.
struct ForkPlan {
  private struct Directory {
    var path: BranchPath
    var hasProcessFile: Bool
    /// Links that can lead to the fork's own copies, and where to.
    var led: [(link: OutwardLink, target: String)] = []
    /// Other links.
    var left: [OutwardLink] = []
    /// Replication slots.
    var slots: [String]
  }

  /// A quick look is enough for a warning.
  private static let quickVisitCountMax = 100

  private let name: String
  private var directories: [Directory] = []

  /// Of files that are, or will be, those of the branch `name`.
  init(
    of tree: FileTree, as name: String, mounts: [String], isQuick: Bool = false
  ) throws(StoreError) {
    self.name = name
    let found = try DataDirectories(
      of: tree, visitCountMax: isQuick ? Self.quickVisitCountMax : .max
    ).find()
    for path in found {
      let place = try tree.lookup(path)
      var directory = Directory(
        path: path,
        hasProcessFile: try tree.lookupIfPresent(DataDirectory.processFile, in: place) != nil,
        slots: try Self.slots(place, of: tree))
      for link in try OutwardLink.find(in: path, of: tree, branch: name, mounts: mounts) {
        if let target = try ownCopy(of: link, in: tree) {
          directory.led.append((link, target))
        } else {
          directory.left.append(link)
        }
      }
      directories.append(directory)
    }
  }

  /// Where a link can lead instead: to the same place of the fork, when it has one.
  private func ownCopy(
    of link: OutwardLink, in tree: FileTree
  ) throws(StoreError) -> String? {
    guard case .branch(_, let mount, let path) = link.target else { return nil }
    do throws(StoreError) {
      _ = try tree.lookup(path)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
    return "\(mount)/\(name)/\(path)"
  }

  private static func slots(
    _ directory: FileID, of tree: FileTree
  ) throws(StoreError) -> [String] {
    guard let slots = try tree.lookupIfPresent("pg_replslot", in: directory),
      slots.kind == .directory
    else { return [] }
    return try tree.readDirectory(slots.file, after: nil, limit: .max).map { "\($0.name)" }
  }

  // MARK: Judging

  /// Throws `denied` when links stay that lead a server on the fork to files that are not its own.
  func refuseOutwardLinks() throws(StoreError) {
    let left = directories.flatMap(\.left)
    guard let first = left.first else { return }
    let others = left.count > 1 ? ", and so do \(left.count - 1) others" : ""
    throw StoreError(
      .denied, warning(of: first) + others, object: name,
      remedy: "keep tablespaces and log in the branch, or add --keep-links and change the links "
        + "before a server starts on it")
  }

  /// The links that stay, where they lie.
  var outwardPaths: [String] { directories.flatMap(\.left).map { "\($0.path)" } }

  /// What would keep a server from working on the files as they are, or let it write to others'.
  ///
  /// - Parameter isInstance: whether that is one of ours, which takes its origin's file away.
  func hazards(isInstance: Bool = false) -> [String] {
    directories.flatMap { directory in
      var notes: [String] = []
      if directory.hasProcessFile, !isInstance {
        let file = directory.path.appending(DataDirectory.processFile)
        notes.append(
          "\(file) names the original's server: remove it before another starts, or use --postgres")
      }
      notes += directory.led.map {
        "\(warning(of: $0.link)); --postgres leads it to the branch's own copy"
      }
      return notes + directory.left.map(warning)
    }
  }

  /// What leads a server on the files out of the branch when it first starts.
  var mapHazards: [String] {
    directories.flatMap { directory in
      (directory.led.map(\.link) + directory.left).filter { $0.form != .symbolicLink }.map(warning)
    }
  }

  private func warning(of link: OutwardLink) -> String {
    let what =
      switch link.form {
      case .symbolicLink: "\(link.path) leads to \(link.text)"
      case .mapEntry(let name):
        "\(link.path) leads the tablespace \(name) to \(link.text) when a server first starts"
      }
    return switch link.target {
    case .branch(let other, _, _):
      "\(what), files of \(other): a server on this branch would write to them"
    case .outside:
      "\(what), outside of the store: a server on this branch would share it with the original's"
    }
  }

  // MARK: Doing

  /// Takes the traces of its origin away from a fork, durably. Returns what was done and what to
  /// mind.
  func carryOut(on branch: Branch) throws(StoreError) -> [String] {
    guard !directories.isEmpty else { return ["no data directory of PostgreSQL was found"] }
    var notes: [String] = []
    for directory in directories {
      try branch.transaction { changes throws(StoreError) in
        try change(directory, of: branch, changes)
      }
      let place = directory.path.components.isEmpty ? "the data directory" : "\(directory.path)"
      if directory.hasProcessFile { notes.append("removed postmaster.pid from \(place)") }
      notes += directory.led.map { link, target in
        switch link.form {
        case .symbolicLink: "\(link.path) now leads to \(target), no longer to \(link.text)"
        case .mapEntry(let name):
          "\(link.path) now leads the tablespace \(name) to \(target), no longer to \(link.text)"
        }
      }
      notes += directory.left.map(warning)
      guard !directory.slots.isEmpty else { continue }
      notes.append(
        "replication slots came along and keep log files: drop those that nobody reads "
          + "(\(directory.slots.joined(separator: ", ")))")
    }
    try branch.flush()
    return notes + [
      "archive_command, replication slots and scheduled jobs are as in the original: switch off "
        + "what must not run twice"
    ]
  }

  private func change(
    _ directory: Directory, of branch: Branch, _ changes: FileTransaction
  ) throws(StoreError) {
    let place = try branch.lookup(directory.path)
    if directory.hasProcessFile { try changes.remove(DataDirectory.processFile, in: place) }
    var map = try TablespaceMap(in: place, of: branch)
    for (link, target) in directory.led {
      switch link.form {
      case .symbolicLink: try relink(link.path, of: branch, to: target, changes)
      case .mapEntry(let name): map?.lead(name, to: target)
      }
    }
    guard let map, directory.led.contains(where: { $0.link.form != .symbolicLink }) else { return }
    let file = try changes.lookup(TablespaceMap.fileName, in: place).file
    try changes.truncate(file, to: 0)
    try changes.write(file, at: 0, map.bytes)
  }

  private func relink(
    _ path: BranchPath, of branch: Branch, to target: String, _ changes: FileTransaction
  ) throws(StoreError) {
    guard let name = path.lastComponent, let parent = path.parent else { return }
    let directory = try branch.lookup(parent)
    let old = try changes.attributes(of: try changes.lookup(name, in: directory).file)
    try changes.remove(name, in: directory)
    try changes.createSymbolicLink(
      name, in: directory, target: ByteText.bytes(target),
      NewFile(permissions: old.permissions, userID: old.userID, groupID: old.groupID))
  }
}
