internal import Coppice

/// Makes a fork of a branch with PostgreSQL data directories fit for a server of its own.
///
/// A fork of a running server's files is what a power cut would have left; PostgreSQL recovers from
/// that. What it cannot know is that it is a copy: `postmaster.pid` names its origin's process, and
/// links to tablespaces lead to its origin's files.
struct ForkedServer {
  private let branch: Branch
  private let mounts: [String]

  init(_ branch: Branch, mounts: [String]) {
    self.branch = branch
    self.mounts = mounts
  }

  private static let processFile: FileName = "postmaster.pid"
  private static let quickVisitCountMax = 100

  /// Takes the traces of its origin away, durably. Returns what was done and what to mind.
  func detach() throws(StoreError) -> [String] {
    let directories = try DataDirectories(of: branch).find()
    guard !directories.isEmpty else { return ["no data directory of PostgreSQL was found"] }
    var notes: [String] = []
    for directory in directories {
      let links = try OutwardLink.find(
        in: directory, of: branch, branch: branch.name, mounts: mounts)
      let place = try branch.lookup(directory)
      let spaces = try branch.lookupIfPresent("pg_tblspc", in: place)?.file
      var rewritten: [(link: OutwardLink, target: String)] = []
      for link in links {
        if let target = try ownCopy(of: link) { rewritten.append((link, target)) }
      }
      let planned = rewritten
      let isRunning = try branch.transaction { changes throws(StoreError) in
        for (link, target) in planned {
          try rewrite(link, in: link.isTablespace ? spaces : place, to: target, changes)
        }
        guard try changes.lookupIfPresent(Self.processFile, in: place) != nil else { return false }
        try changes.remove(Self.processFile, in: place)
        return true
      }
      let name = directory.components.isEmpty ? "the data directory" : "\(directory)"
      if isRunning { notes.append("removed postmaster.pid from \(name)") }
      notes += rewritten.map { link, target in
        "\(link.path) now leads to \(target), no longer to \(link.text)"
      }
      let left = links.filter { link in !rewritten.contains { $0.link.path == link.path } }
      notes += left.map { warning(of: $0) }
      notes += try slotNotes(place)
    }
    try branch.flush()
    return notes + [
      "archive_command, replication slots and scheduled jobs are as in the original: switch off "
        + "what must not run twice"
    ]
  }

  /// What would keep a server from working on the fork as it is, or let it write to its origin.
  func hazards() throws(StoreError) -> [String] {
    let directories = try DataDirectories(of: branch, visitCountMax: Self.quickVisitCountMax).find()
    var notes: [String] = []
    for directory in directories {
      let place = try branch.lookup(directory)
      if try branch.lookupIfPresent(Self.processFile, in: place) != nil {
        notes.append(
          "\(directory.appending(Self.processFile)) names the original's server: remove it before "
            + "another starts, or make the branch with --postgres")
      }
      notes += try OutwardLink.find(
        in: directory, of: branch, branch: branch.name, mounts: mounts
      ).map { "\(warning(of: $0)); --postgres leads it to the branch's own copy if it has one" }
    }
    return notes
  }

  /// Where a link can lead instead: to the same place of the fork, when it has one.
  private func ownCopy(of link: OutwardLink) throws(StoreError) -> String? {
    guard case .branch(_, let mount, let path) = link.target else { return nil }
    do throws(StoreError) {
      _ = try branch.lookup(path)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
    return "\(mount)/\(branch.name)/\(path)"
  }

  private func rewrite(
    _ link: OutwardLink, in directory: FileID?, to target: String, _ changes: FileTransaction
  ) throws(StoreError) {
    guard let name = link.path.lastComponent, let directory else { return }
    let old = try changes.attributes(of: try changes.lookup(name, in: directory).file)
    try changes.remove(name, in: directory)
    try changes.createSymbolicLink(
      name, in: directory, target: Array(target.utf8),
      NewFile(permissions: old.permissions, userID: old.userID, groupID: old.groupID))
  }

  private func warning(of link: OutwardLink) -> String {
    switch link.target {
    case .branch(let name, _, _):
      "\(link.path) leads to \(link.text), files of \(name): a server on this branch would write "
        + "to them"
    case .outside:
      "\(link.path) leads to \(link.text), outside of the store: a server on this branch would "
        + "share it with the original's"
    }
  }

  private func slotNotes(_ directory: FileID) throws(StoreError) -> [String] {
    guard let slots = try branch.lookupIfPresent("pg_replslot", in: directory),
      slots.kind == .directory
    else { return [] }
    let names = try branch.readDirectory(slots.file, after: nil, limit: .max)
      .map { "\($0.name)" }
    if names.isEmpty { return [] }
    return [
      "replication slots came along and keep log files: drop those that nobody reads "
        + "(\(names.joined(separator: ", ")))"
    ]
  }
}
