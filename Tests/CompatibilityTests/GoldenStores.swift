import Coppice
import CoppiceEngine
import CoppicePlatform
import TestSupport

/// Makes the stores that later versions must open. Deterministic: the same code gives the same
/// bytes.
struct GoldenStores {
  let disk = SimulatedDisk(seed: 1)
  let clock = SimulatedClock()
  var generator = SplitMix64(seed: 99)

  static var options: EngineOptions {
    var options = EngineOptions()
    options.pageByteCount = 4096
    options.usesThreads = false
    options.windowByteCount = 1 << 16
    return options
  }

  /// Every kind of file and frame: full, raw, delta and duplicate pages, nodes in full and as
  /// overrides, a tree of two levels, forks, a snapshot, a deleted branch, evacuated segments;
  /// another trust domain with its setting.
  mutating func full() throws -> Store {
    var random = SplitMix64(seed: 5)
    let store = try Store.create(disk: disk, clock: clock, Self.options) { random.bytes($0) }
    let main = try store.createBranch("main")
    try main.createDirectories("base/1")
    let text = [UInt8]("a line of text that compresses well\n".utf8)
    var table: [UInt8] = []
    while table.count < 80 * 4096 { table += text }
    let large = try main.writeFile("base/1/table", table)
    try main.writeFile("base/1/noise", generator.bytes(9000))
    let sparse = try main.writeFile("sparse", [1])
    try main.write(sparse, at: 300 * 4096, [2])
    _ = try main.createSymbolicLink("link", in: .root, target: [UInt8]("base/1".utf8))
    try main.setExtendedAttribute("user.note", of: sparse, to: [7, 8, 9])
    try store.engine.sealer.sealAll()
    try store.createSnapshot("main@before")
    for page in stride(from: 0, to: 80, by: 9) as StrideTo<Int> {
      try main.write(large, at: UInt64(page * 4096 + 17), generator.bytes(8))
    }
    try store.engine.sealer.sealAll()
    let fork = try store.createBranch("fork", from: "main")
    try fork.writeFile("copy", table)
    try store.engine.sealer.sealAll()
    let gone = try store.createBranch("gone")
    try gone.writeFile("file", generator.bytes(20_000))
    try store.engine.sealer.sealAll()
    try store.delete(["gone"])
    var collection = CollectionOptions()
    collection.isFull = true
    _ = try store.engine.collector.collectGarbage(collection)
    try store.createDomain(named: "customer", class: .masked)
    let apart = try store.createBranch("apart", domain: "customer")
    try apart.writeFile("table", table)
    try store.engine.sealer.sealAll()
    try store.createBranch("deleted", from: "fork")
    try store.delete(["deleted"])
    return store
  }

  /// As a power cut leaves it: writes and control records that only the journal has.
  mutating func unsealed() throws -> Store {
    let store = try full()
    let main = try store.branch("main")
    try main.writeFile("late", generator.bytes(5000))
    let fork = try store.createBranch("late-fork", from: "main")
    try fork.writeFile("late", [1, 2, 3])
    try main.writeFile("later", [4])
    try store.engine.journal.flush(through: store.engine.journal.lastLSN)
    return store
  }
}
