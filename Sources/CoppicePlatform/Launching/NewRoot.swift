internal import CLinux
internal import Glibc

/// A root directory made for one program: what it has of the machine's files, and nothing else.
///
/// All of it can only be read, but for temporary directories and trees that may be written to.
public struct NewRoot: Sendable {
  /// What a tree of the machine's own files may be used for. Programs never gain rights by it.
  public struct TreeUse: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let writing = TreeUse(rawValue: 1)
    public static let devices = TreeUse(rawValue: 2)
    public static let programs = TreeUse(rawValue: 4)
  }

  enum Content: Sendable {
    case directory
    case link(to: String)
    case file(String)
    case tree(HostFile)
    case temporary(options: String)
    case processes
  }

  private(set) var items: [(path: String, content: Content)] = []
  private var known: Set<[UInt8]> = []

  public init() {}

  /// The paths of trees, for finding one that would hide another.
  public var treePaths: [String] {
    items.compactMap { if case .tree = $0.content { $0.path } else { nil } }
  }

  /// What a path of the machine leads to, behind symbolic links; of mounts below it nothing.
  public mutating func addTree(_ path: String, _ use: TreeUse) throws(SystemError) {
    let tree = try system("open_tree", path) {
      path.withPath { clinux_clone_tree(AT_FDCWD, $0, use.attributes) }
    }
    add(path, .tree(HostFile(owning: tree, path: path)))
  }

  /// What an open file or directory is, also one opened to locate it.
  public mutating func addTree(
    of file: HostFile, at path: String, _ use: TreeUse
  ) throws(SystemError) {
    let tree = try system("open_tree", path) {
      clinux_clone_tree(file.fileDescriptor, "", use.attributes)
    }
    add(path, .tree(HostFile(owning: tree, path: path)))
  }

  public mutating func addLink(_ path: String, to target: String) {
    add(path, .link(to: target))
  }

  /// A file with that content.
  public mutating func addFile(_ path: String, _ content: String) { add(path, .file(content)) }

  /// An empty directory in memory that everybody may write to.
  public mutating func addTemporary(_ path: String, _ room: MemoryRoom) {
    add(path, .temporary(options: "mode=1777,nr_inodes=65536,size=\(room.text)"))
  }

  /// The processes that are started in the root, as /proc shows them, and nothing of the kernel's
  /// settings.
  public mutating func addProcesses(_ path: String) { add(path, .processes) }

  private mutating func add(_ path: String, _ content: Content) {
    precondition(path.utf8.first == UInt8(ascii: "/"), "a path from the top")
    var above = ""
    for name in path.split(byte: UInt8(ascii: "/")).dropLast() {
      above += "/\(name)"
      if known.insert(above.nameKey).inserted { items.append((above, .directory)) }
    }
    known.insert(path.nameKey)
    items.append((path, content))
  }
}

extension NewRoot.TreeUse {
  fileprivate var attributes: UInt32 {
    var attributes = 0
    if !contains(.writing) { attributes |= Int(clinux_tree_read_only) }
    if !contains(.devices) { attributes |= Int(clinux_tree_no_devices) }
    if !contains(.programs) { attributes |= Int(clinux_tree_no_programs) }
    return UInt32(attributes)
  }
}

extension NewRoot.Content {
  var kind: UInt32 {
    switch self {
    case .directory: UInt32(clinux_root_directory)
    case .link: UInt32(clinux_root_link)
    case .file: UInt32(clinux_root_file)
    case .tree: UInt32(clinux_root_tree)
    case .temporary: UInt32(clinux_root_temporary)
    case .processes: UInt32(clinux_root_processes)
    }
  }

  var text: String? {
    switch self {
    case .link(let text), .file(let text), .temporary(let text): text
    case .directory, .tree, .processes: nil
    }
  }

  var tree: Int32 {
    if case .tree(let file) = self { return file.fileDescriptor }
    return -1
  }
}

/// How much memory a directory in memory may take.
public enum MemoryRoom: Hashable, Sendable {
  case bytes(Int)
  /// Of the machine's.
  case percent(Int)

  fileprivate var text: String {
    switch self {
    case .bytes(let count): "\(count)"
    case .percent(let share): "\(share)%"
    }
  }
}
