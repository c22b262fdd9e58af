package import Coppice

package struct FileRemoveRequest: StoreRequest {
  package static let route = Route(
    .delete, "/v1/files", "Remove a file or directory of a branch.")

  package var entry: String
  package var path: String?
  /// Remove a directory with all that is in it.
  package var recursive: Bool
  /// Also while a PostgreSQL server works on the branch.
  package var force: Bool
  /// Check everything, but remove nothing.
  package var dryRun: Bool

  package init(entry: String, path: String?, recursive: Bool, force: Bool, dryRun: Bool) {
    self.entry = entry
    self.path = path
    self.recursive = recursive
    self.force = force
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }

  package var access: Access { Access(.change, .entry(entry)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let place = FilePlace(entry, path)
    let path = try place.requiredPath()
    let branch = try context.store.branch(entry)
    if !force { try BranchUse.refuseServers(of: entry, context) }
    return try place.naming { () throws(StoreError) in try remove(path, of: branch, context.work) }
  }

  private func remove(
    _ path: BranchPath, of branch: Branch, _ work: Work
  ) throws(StoreError) -> Answer {
    let answer = Answer(branch: entry, path: path.description, isDryRun: dryRun)
    let kind = try branch.attributes(of: branch.lookup(path)).kind
    guard kind != .directory || recursive else {
      throw StoreError(
        .invalid, "is a directory", object: "\(entry):\(path)",
        remedy: "add --recursive to remove it with all that is in it", reason: .isDirectory)
    }
    guard !dryRun, let name = path.lastComponent, let parent = path.parent else { return answer }
    let directory = try branch.lookup(parent, followingLinks: true)
    if kind == .directory {
      try branch.removeTree(name, in: directory) { work.isCancelled }
    } else {
      try branch.remove(name, in: directory)
    }
    try branch.flush()
    return answer
  }

  package struct Answer: Codable, Sendable {
    package var branch: String
    package var path: String
    package var isDryRun: Bool
  }
}
