internal import CRocksDB
internal import CSQLite
internal import Coppice
internal import Glibc

/// 8 KiB random writes with a flush after every 32, three times as many bytes as unsealed pages may
/// take in memory, against RocksDB (a synced write batch) and SQLite (WAL, synchronous=FULL).
struct WriteBenchmark {
  let workspace: Workspace
  private static let keyCount = 65_536
  private static let batchCount = 2048
  private static let perBatch = 32
  private let content = PageMemory.filled(pageCount: 256, seed: 21)

  func run() throws {
    var ours = Samples()
    var rocks = Samples()
    var sqlite = Samples()
    for round in 0..<2 {
      ours.add(try rate { try coppice(Random(UInt64(round))) })
      rocks.add(try rate { try rocksDB(Random(UInt64(round))) })
      sqlite.add(try rate { try sqliteWAL(Random(UInt64(round))) })
    }
    let item = "8 KiB random writes, a flush every 32, \(megabytes(Self.byteCount))"
    let best = ours.values.max() ?? .nan
    for (name, peer) in [("RocksDB", rocks), ("SQLite", sqlite)] {
      let theirs = peer.values.max() ?? .nan
      report(
        item, "coppice \(format(best / 1e3)) k/s, \(name) \(format(theirs / 1e3)) k/s",
        ratio: best / theirs, goal: .atLeast(1))
    }
  }

  private static var byteCount: Int { batchCount * perBatch * PageContent.byteCount }

  /// Writes per second.
  private func rate(_ body: () throws -> Double) rethrows -> Double {
    Double(Self.batchCount * Self.perBatch) / (try body())
  }

  /// Calls `write` for every write, and `flush` after every 32.
  private func drive(
    _ random: Random, _ write: (Int, UnsafeMutableRawBufferPointer) throws -> Void,
    flush: () throws -> Void
  ) rethrows -> Double {
    var random = random
    return try measure {
      for _ in 0..<Self.batchCount {
        for _ in 0..<Self.perBatch {
          let page = content[random.next(below: 256)]
          PageContent.update(page, &random)
          try write(random.next(below: Self.keyCount), page)
        }
        try flush()
      }
    }
  }

  private func coppice(_ random: Random) throws -> Double {
    let directory = workspace.fresh("write-coppice")
    let store = try Store.create(at: directory)
    let branch = try store.createBranch("main")
    let file = try branch.open(branch.createFile("data", in: .root).file)
    let time = try drive(random) { key, page in
      try file.write(at: UInt64(key * PageContent.byteCount), UnsafeRawBufferPointer(page))
    } flush: {
      try file.flush()
    }
    file.close()
    try store.close()
    _ = workspace.fresh("write-coppice")
    return time
  }

  // MARK: Peers

  struct Failure: Error { var text: String }

  private func rocksDB(_ random: Random) throws -> Double {
    let options = rocksdb_options_create()
    defer { rocksdb_options_destroy(options) }
    rocksdb_options_set_create_if_missing(options, 1)
    rocksdb_options_increase_parallelism(options, 2)
    rocksdb_options_optimize_level_style_compaction(options, 256 << 20)
    var problem: UnsafeMutablePointer<CChar>?
    let directory = workspace.fresh("write-rocksdb")
    guard let database = rocksdb_open(options, directory, &problem) else {
      throw Failure(text: problem.map { String(cString: $0) } ?? "rocksdb_open")
    }
    let synced = rocksdb_writeoptions_create()
    rocksdb_writeoptions_set_sync(synced, 1)
    let batch = rocksdb_writebatch_create()
    let time = try drive(random) { key, page in
      withUnsafeBytes(of: UInt64(key).bigEndian) { name in
        rocksdb_writebatch_put(
          batch, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count,
          page.baseAddress?.assumingMemoryBound(to: CChar.self), page.count)
      }
    } flush: {
      rocksdb_write(database, synced, batch, &problem)
      if let problem { throw Failure(text: String(cString: problem)) }
      rocksdb_writebatch_clear(batch)
    }
    rocksdb_writebatch_destroy(batch)
    rocksdb_writeoptions_destroy(synced)
    rocksdb_close(database)
    _ = workspace.fresh("write-rocksdb")
    return time
  }

  private func sqliteWAL(_ random: Random) throws -> Double {
    let directory = workspace.fresh("write-sqlite")
    mkdir(directory, 0o755)
    var database: OpaquePointer?
    func check(_ code: Int32) throws {
      guard [SQLITE_OK, SQLITE_DONE, SQLITE_ROW].contains(code) else {
        throw Failure(text: String(cString: sqlite3_errmsg(database)))
      }
    }
    func execute(_ text: String) throws { try check(sqlite3_exec(database, text, nil, nil, nil)) }
    try check(sqlite3_open("\(directory)/data", &database))
    defer {
      sqlite3_close(database)
      _ = workspace.fresh("write-sqlite")
    }
    try execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144")
    try execute("CREATE TABLE pages (number INTEGER PRIMARY KEY, content BLOB NOT NULL)")
    var statement: OpaquePointer?
    try check(
      sqlite3_prepare_v2(
        database, "INSERT OR REPLACE INTO pages VALUES (?, ?)", -1, &statement, nil))
    defer { sqlite3_finalize(statement) }
    try execute("BEGIN")
    let time = try drive(random) { key, page in
      sqlite3_bind_int64(statement, 1, Int64(key))
      sqlite3_bind_blob(statement, 2, page.baseAddress, Int32(page.count), nil)
      try check(sqlite3_step(statement))
      sqlite3_reset(statement)
    } flush: {
      try execute("COMMIT; BEGIN")
    }
    try execute("COMMIT")
    return time
  }
}
