internal import Coppice
internal import CoppiceFUSE
internal import Glibc

/// Mounts a store, made if there is none, prints `ready`, and serves until its standard input ends
/// or SIGTERM comes.
///
///     MountDriver STORE DIRECTORY [plain|writeback|rings]
///
/// Each line of its input is a change of the store, answered by `done` or by the error:
/// `create NAME SOURCE`, `delete NAME`, `reset NAME SOURCE`, `rename NAME NEW`, `restore NAME`,
/// `snapshot NAME`, `show NAME STORED SHOWN` (files of that owner under another number),
/// `sync NAME`, `export NAME DIRECTORY`, `put BRANCH PATH TEXT`, `remove BRANCH PATH`; `wait` is
/// answered once the mount has ended, `mount DIRECTORY` mounts a second time, and `cat BRANCH PATH`
/// is answered by the file's text, with `|` for each line's end.
@main
struct MountDriver {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3 else {
      print("usage: MountDriver STORE DIRECTORY [writeback]")
      exit(64)
    }
    do throws(StoreError) {
      let store = try open(arguments[1])
      var options = Mount.Options()
      options.usesWritebackCache = arguments.contains("writeback")
      options.wantsRings = arguments.contains("rings")
      options.log = { say("log \($0)") }
      let mount = try Mount(store, at: arguments[2], options: options)
      say("ready")
      while let line = readLine() { answer(line, store, mount) }
      try mount.stop()
      try store.close()
      say("stopped")
    } catch {
      say("error \(error.kind.rawValue) \(error)")
      exit(1)
    }
  }

  /// Made with a branch `main` when there is none.
  private static func open(_ place: String) throws(StoreError) -> Store {
    do throws(StoreError) { return try Store.open(at: place) } catch {
      guard error.kind == .notFound else { throw error }
      let store = try Store.create(at: place)
      try store.createBranch("main")
      return store
    }
  }

  private static func answer(_ line: String, _ store: Store, _ mount: Mount) {
    do throws(StoreError) {
      let words = line.split(separator: " ").map(String.init)
      if words.first == "cat", words.count == 3 {
        let branch = try store.branch(words[1])
        let bytes = try branch.read(branch.lookup(BranchPath(words[2])))
        return say(
          String(decoding: bytes.map { $0 == 10 ? UInt8(ascii: "|") : $0 }, as: UTF8.self))
      }
      if words.first == "added", words.count == 2 {
        return say("\(try store.measureAdded(by: words[1]).addedByteCount)")
      }
      try perform(words, store, mount)
      say("done")
    } catch {
      say("error \(error.kind.rawValue) \(error)")
    }
  }

  private static func perform(
    _ words: [String], _ store: Store, _ mount: Mount
  ) throws(StoreError) {
    switch (words[0], words.count) {
    case ("create", 3): try store.createBranch(words[1], from: words[2])
    case ("create", 2): try store.createBranch(words[1])
    case ("snapshot", 2): try store.createSnapshot(words[1])
    case ("delete", 2): try store.delete([words[1]])
    case ("delete!", 2): try store.delete([words[1]], force: true)
    case ("restore", 2): try store.restore(words[1])
    case ("reset", 3): try store.reset(words[1], to: words[2])
    case ("reset!", 3): try store.reset(words[1], to: words[2], force: true)
    case ("limit", 3): try store.setLimit(words[1], to: UInt64(words[2]))
    case ("rename", 3): try store.rename(words[1], to: words[2])
    case ("wait", 1): mount.waitUntilUnmounted()
    case ("mount", 2): try Mount(store, at: words[1]).stop()
    case ("show", 4):
      let numbers = words[2...].compactMap { UInt32($0) }
      mount.show(
        ShownOwner(
          storedUserID: numbers[0], storedGroupID: numbers[0], userID: numbers[1],
          groupID: numbers[1]), of: try store.tree(words[1]).id)
    case ("sync", 2): try mount.writeDirtyPages(of: words[1])
    case ("export", 3): _ = try store.tree(words[1]).exportFiles(to: .path(words[2]))
    case ("put", 4):
      try store.branch(words[1]).writeFile(BranchPath(words[2]), Array(words[3].utf8))
    case ("remove", 3):
      let path = try BranchPath(words[2])
      let branch = try store.branch(words[1])
      if let name = path.lastComponent, let parent = path.parent {
        try branch.remove(name, in: branch.lookup(parent))
      }
    default: throw StoreError(.invalid, "no such request", object: words.joined(separator: " "))
    }
  }

  /// One line, at once.
  private static func say(_ line: String) {
    // Not by way of a stream: flushing one would wait for the reader of another.
    let line = line + "\n"
    _ = write(STDOUT_FILENO, line, line.utf8.count)
  }
}
