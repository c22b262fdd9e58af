internal import CLMDB
internal import Coppice
internal import Glibc

/// Random reads of 8 KiB: cached against LMDB, cold against pread of a plain file.
struct ReadBenchmark {
  let workspace: Workspace
  private static let pageCount = 65_536

  func run() throws {
    let source = workspace.fresh("read-source")
    try PageFile.write(source, pageCount: Self.pageCount, seed: 11)
    var options = Store.Options()
    options.memory.pageCacheByteCount = 640 << 20
    let directory = workspace.fresh("read")
    var store = try Store.create(at: directory, options: options)
    _ = try store.importFiles(from: .path(source), into: "main", at: BranchPath("data"))
    try store.close()
    store = try Store.open(at: directory, options: options)
    try compareWithLMDB(store, source)
    try diverge(store)
    try store.close()
    try compareCold(directory, source, branch: "main", "as imported")
    try compareCold(directory, source, branch: "changed", "of a branch with 8,000 changed pages")
    try readColdInOrder(directory, branch: "main", "as imported")
    try readColdInOrder(directory, branch: "changed", "of a branch with 8,000 changed pages")
  }

  // MARK: Cached

  private func compareWithLMDB(_ store: Store, _ source: String) throws {
    let environment = try LMDBStore(workspace.fresh("lmdb"), source, pageCount: Self.pageCount)
    let tree = try store.tree("main")
    let file = try tree.open("data")
    let memory = PageMemory()
    for page in 0..<Self.pageCount {
      _ = try file.read(at: UInt64(page * PageContent.byteCount), into: memory.bytes)
    }
    environment.warm()
    var single = 0.0
    for threadCount in [1, 2] {
      var ours = Samples()
      var theirs = Samples()
      for round in 0..<3 {
        theirs.add(environment.readRate(threadCount: threadCount, seed: UInt64(round)))
        ours.add(
          throughput(threadCount: threadCount, duration: 0.7) { thread in
            let target = PageMemory()
            var random = Random(UInt64(round * 10 + thread))
            return {
              for _ in 0..<64 {
                let page = random.next(below: Self.pageCount)
                let count = try? file.read(
                  at: UInt64(page * PageContent.byteCount), into: target.bytes)
                precondition(count == PageContent.byteCount)
              }
              return 64
            }
          })
      }
      report(
        "random 8 KiB reads from the page cache, \(threadCount) thread(s)",
        "coppice \(format(ours.median / 1e3, 0)) k/s, LMDB \(format(theirs.median / 1e3, 0)) k/s",
        ratio: ours.median / theirs.median, goal: .atLeast(0.5))
      if threadCount == 1 {
        single = ours.median
      } else {
        report(
          "random 8 KiB reads, two threads against one", "\(format(ours.median / 1e3, 0)) k/s",
          ratio: ours.median / single)
      }
    }
  }

  // MARK: Cold

  private func diverge(_ store: Store) throws {
    let branch = try store.createBranch("changed", from: "main")
    let file = try branch.open("data")
    let page = PageMemory()
    var random = Random(12)
    for _ in 0..<8000 {
      let offset = UInt64(random.next(below: Self.pageCount) * PageContent.byteCount)
      _ = try file.read(at: offset, into: page.bytes)
      PageContent.update(page.bytes, &random)
      try file.write(at: offset, UnsafeRawBufferPointer(page.bytes))
    }
    try file.flush()
  }

  private func compareCold(
    _ directory: String, _ source: String, branch name: String, _ item: String
  ) throws {
    var ours = Samples()
    var bare = Samples()
    let readCount = 4000
    let page = PageMemory()
    for round in 0..<3 {
      let order = {
        var random = Random(UInt64(100 + round))
        return (0..<readCount).map { _ in random.next(below: Self.pageCount) }
      }()
      let plain = open(source, O_RDONLY)
      defer { close(plain) }
      posix_fadvise(plain, 0, 0, POSIX_FADV_RANDOM)
      guard Workspace.dropCaches() else {
        report("cold reads", "not measured: the page cache cannot be emptied")
        return
      }
      bare.add(
        measure {
          for number in order {
            let count = pread(
              plain, page.bytes.baseAddress, page.bytes.count, number * PageContent.byteCount)
            precondition(count == PageContent.byteCount)
          }
        })
      let store = try Store.open(at: directory)
      let tree = try store.tree(name)
      let file = try tree.open("data")
      Workspace.dropCaches()
      ours.add(
        try measure {
          for number in order {
            _ = try file.read(at: UInt64(number * PageContent.byteCount), into: page.bytes)
          }
        })
      try store.close()
    }
    report(
      "cold random 8 KiB reads, \(item)",
      "coppice \(microseconds(ours.median / Double(readCount))) a read, "
        + "pread of a plain file \(microseconds(bare.median / Double(readCount)))",
      ratio: ours.median / bare.median, goal: .atMost(1.5))
  }
}

extension ReadBenchmark {
  /// The whole file in requests of 128 KiB, as a kernel that reads ahead makes them.
  private func readColdInOrder(_ directory: String, branch name: String, _ item: String) throws {
    let requestPageCount = 16
    let memory = PageMemory(pageCount: requestPageCount)
    let store = try Store.open(at: directory)
    let file = try store.tree(name).open("data")
    guard Workspace.dropCaches() else { return }
    let time = try measure {
      for page in stride(from: 0, to: Self.pageCount, by: requestPageCount) {
        _ = try file.read(at: UInt64(page * PageContent.byteCount), into: memory.bytes)
      }
    }
    try store.close()
    let rate = Double(Self.pageCount * PageContent.byteCount) / time
    report("cold reads in order, \(item)", "\(format(rate / 1e6, 0)) MB/s")
  }
}

/// A file's pages as values of an LMDB database.
final class LMDBStore: Sendable {
  nonisolated(unsafe) private let environment: OpaquePointer
  private let database: MDB_dbi
  private let pageCount: Int

  struct Failure: Error { var code: Int32 }

  init(_ directory: String, _ source: String, pageCount: Int) throws {
    self.pageCount = pageCount
    mkdir(directory, 0o755)
    var opened: OpaquePointer?
    try Self.check(mdb_env_create(&opened))
    guard let opened else { throw Failure(code: -1) }
    environment = opened
    try Self.check(mdb_env_set_mapsize(opened, 2 << 30))
    try Self.check(
      mdb_env_open(opened, directory, UInt32(MDB_NOSYNC | MDB_NORDAHEAD | MDB_NOTLS), 0o644))
    var transaction: OpaquePointer?
    try Self.check(mdb_txn_begin(opened, nil, 0, &transaction))
    var handle = MDB_dbi()
    try Self.check(mdb_dbi_open(transaction, nil, UInt32(MDB_INTEGERKEY | MDB_CREATE), &handle))
    database = handle
    let file = open(source, O_RDONLY)
    defer { close(file) }
    let page = PageMemory()
    for number in 0..<pageCount {
      pread(file, page.bytes.baseAddress, page.bytes.count, number * PageContent.byteCount)
      var key = UInt64(number)
      try withUnsafeMutableBytes(of: &key) { bytes in
        var name = MDB_val(mv_size: 8, mv_data: bytes.baseAddress)
        var value = MDB_val(mv_size: page.bytes.count, mv_data: page.bytes.baseAddress)
        try Self.check(mdb_put(transaction, handle, &name, &value, UInt32(MDB_APPEND)))
      }
    }
    try Self.check(mdb_txn_commit(transaction))
  }

  deinit { mdb_env_close(environment) }

  private static func check(_ code: Int32) throws {
    guard code == 0 else { throw Failure(code: code) }
  }

  func warm() {
    let read = reader()
    for number in 0..<pageCount { read(number) }
  }

  /// Reads of one thread: each copies the value out, as Coppice does.
  private func reader() -> (Int) -> Void {
    let target = PageMemory()
    var transaction: OpaquePointer?
    precondition(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction) == 0)
    let keeper = ReadTransaction(transaction)
    return { number in
      var key = UInt64(number)
      withUnsafeMutableBytes(of: &key) { bytes in
        var name = MDB_val(mv_size: 8, mv_data: bytes.baseAddress)
        var value = MDB_val()
        precondition(mdb_get(keeper.transaction, self.database, &name, &value) == 0)
        target.bytes.baseAddress?.copyMemory(from: value.mv_data, byteCount: value.mv_size)
      }
    }
  }

  private final class ReadTransaction {
    let transaction: OpaquePointer?
    init(_ transaction: OpaquePointer?) { self.transaction = transaction }
    deinit { mdb_txn_abort(transaction) }
  }

  func readRate(threadCount: Int, seed: UInt64) -> Double {
    throughput(threadCount: threadCount, duration: 0.7) { [self] thread in
      let read = reader()
      var random = Random(seed * 10 + UInt64(thread))
      let count = pageCount
      return {
        for _ in 0..<64 { read(random.next(below: count)) }
        return 64
      }
    }
  }
}
