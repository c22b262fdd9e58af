import Coppice

/// Makes a store in the directory that the argument names, counts in it, and looks after it.
@main struct Embedding {
  struct OutOfRange: Error {}
  struct Unsound: Error {}

  static func main() throws {
    let directory = CommandLine.arguments[1]
    let store = try Store.create(at: directory)
    let main = try store.createBranch("main")
    for _ in 1...3 { print(try count(in: main)) }
    try lookAfter(store)
    try store.close()
    guard try Store.repair(at: directory).steps.isEmpty else { throw Unsound() }
  }

  static func lookAfter(_ store: Store) throws {
    guard try store.check().isClean, try store.scrub().findings.isEmpty else { throw Unsound() }
    do throws(StoreError) {
      _ = try store.branch("mian")
    } catch {
      guard error.kind == .notFound, error.remedy.description.contains("main") else { throw error }
    }
  }

  static func count(in branch: Branch) throws -> UInt8 {
    let count = try branch.transaction { changes in
      if let entry = try changes.lookupIfPresent("count", in: .root) {
        let old = try changes.read(entry.file)
        guard old[0] < .max else { throw OutOfRange() }
        try changes.write(entry.file, at: 0, [old[0] + 1])
        return old[0] + 1
      }
      let file = try changes.createFile("count", in: .root).file
      try changes.write(file, at: 0, [1])
      return 1
    }
    try branch.flush()
    return count
  }
}
