internal import Coppice
internal import CoppicePlatform

/// A link of a data directory that leads out of its branch: through it a server on a fork would
/// write to files of its origin.
struct OutwardLink: Hashable {
  enum Target: Hashable {
    /// A path of another branch of the store, in a mount of it.
    case branch(String, mount: String, path: BranchPath)
    /// A place that is no branch's.
    case outside
  }

  enum Form: Hashable {
    case symbolicLink
    /// One that a server will make when it first starts, by its name in the `TablespaceMap`.
    case mapEntry(String)
  }

  var form: Form
  /// Of the link, or of the map.
  var path: BranchPath
  /// As the link has it.
  var text: String
  var target: Target

  /// The links of a data directory that lead out of `branch`: to tablespaces, and to the log.
  static func find(
    in directory: BranchPath, of tree: FileTree, branch: String, mounts: [String]
  ) throws(StoreError) -> [OutwardLink] {
    var links: [OutwardLink] = []
    func add(_ form: Form, _ name: FileName, in place: BranchPath, _ text: String) {
      guard let target = target(of: text, at: place, branch, mounts) else { return }
      links.append(
        OutwardLink(form: form, path: place.appending(name), text: text, target: target))
    }
    func addLink(_ entry: DirectoryEntry, in place: BranchPath) throws(StoreError) {
      let text = try tree.symbolicLinkTarget(of: entry.file)
      add(.symbolicLink, entry.name, in: place, ByteText.text(text))
    }
    let top = try tree.lookup(directory)
    if let log = try tree.lookupIfPresent("pg_wal", in: top), log.kind == .symbolicLink {
      try addLink(log, in: directory)
    }
    for entry in try TablespaceMap(in: top, of: tree)?.entries ?? [] {
      add(.mapEntry(entry.name), TablespaceMap.fileName, in: directory, entry.target)
    }
    guard let spaces = try tree.lookupIfPresent("pg_tblspc", in: top),
      spaces.kind == .directory
    else { return links }
    for entry in try tree.readDirectory(spaces.file, after: nil, limit: .max)
    where entry.kind == .symbolicLink {
      try addLink(entry, in: directory.appending("pg_tblspc"))
    }
    return links
  }

  private static let slash = UInt8(ascii: "/")

  /// Where a link leads by its text; `nil` when it stays in its branch.
  static func target(
    of text: String, at place: BranchPath, _ branch: String, _ mounts: [String]
  ) -> Target? {
    if text.utf8.first != slash {
      // As below a mount: only the number of steps upwards matters.
      let base = ["", branch] + place.components.map(\.description)
      let parts = normalized(base + text.split(byte: slash))
      guard let first = parts.first, !first.hasBytes(of: branch) else {
        return parts.isEmpty ? .outside : nil
      }
      guard let mount = mounts.first else { return .outside }
      return inBranch(parts, mount)
    }
    let parts = normalized(text.split(byte: slash))
    for mount in mounts {
      let top = mount.split(byte: slash)
      guard parts.count > top.count, zip(parts, top).allSatisfy({ $0.hasBytes(of: $1) }) else {
        continue
      }
      let inner = Array(parts.dropFirst(top.count))
      return inner.first?.hasBytes(of: branch) ?? false ? nil : inBranch(inner, mount)
    }
    return .outside
  }

  private static func inBranch(_ parts: [String], _ mount: String) -> Target {
    do throws(StoreError) {
      let path = try BranchPath(escaped: parts.dropFirst().joined(separator: "/"))
      return .branch(parts[0], mount: mount, path: path)
    } catch {
      return .outside
    }
  }

  /// Without `.` and `..`, as far as the text alone tells.
  private static func normalized(_ parts: [String]) -> [String] {
    parts.reduce(into: []) { result, part in
      switch part {
      case "", ".": break
      case "..": _ = result.popLast()
      default: result.append(part)
      }
    }
  }
}
