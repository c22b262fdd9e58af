import Coppice
import CoppiceEngine
import TestSupport
import Testing

/// Which files of a data directory of PostgreSQL grow although their branch is at its limit.
@Suite struct DataDirectoryGrowthTests {
  private func prepare() throws -> (StoreFixture, Branch) {
    let fixture = try StoreFixture()
    let main = try fixture.store.createBranch("main")
    for directory in [
      "data/global", "data/base/5/x", "data/base/pgsql_tmp/set", "data/pg_wal/archive_status",
      "data/pg_xact", "data/pg_tblspc/16400/PG_15_202209061/5",
      "data/pg_tblspc/16400/PG_15_202209061/pgsql_tmp", "space/PG_15_202209061/5",
      "space/PG_15_202209061/pgsql_tmp", "log/archive_status", "other/base", "data/base/5/global",
    ] as [BranchPath] {
      try main.createDirectories(directory)
    }
    for file in ["data/PG_VERSION", "data/base/5/PG_VERSION", "data/global/pg_control"] {
      try main.writeFile(BranchPath(file), [1])
    }
    try main.writeFile("ballast", SplitMix64.bytes(seed: 1, count: 200_000))
    return (fixture, main)
  }

  private func grows(_ branch: Branch, _ path: BranchPath) throws -> Bool {
    do {
      let file = try branch.open(branch.lookup(path))
      defer { file.close() }
      try [UInt8](repeating: 7, count: 100).withUnsafeBytes { try file.write(at: 100_000, $0) }
      try file.truncate(to: 50_000)
      return true
    } catch let error as StoreError {
      #expect(error.reason == .limit)
      return false
    }
  }

  @Test(
    arguments: [
      ("data/base/5/16384", false), ("data/base/5/x/y", false),
      ("data/pg_tblspc/16400/PG_15_202209061/5/1", false), ("space/PG_15_202209061/5/1", false),
      ("top", false), ("other/base/1", false), ("data/base/5/global/1", false),
      ("data/base/pgsql_tmp/t", true), ("data/base/pgsql_tmp/set/0", true),
      ("data/pg_tblspc/16400/PG_15_202209061/pgsql_tmp/t", true),
      ("space/PG_15_202209061/pgsql_tmp/t", true), ("data/pg_wal/000000010000000000000001", true),
      ("data/pg_xact/0000", true), ("data/global/1262", true), ("data/postmaster.log", true),
      ("log/000000010000000000000001", true),
    ] as [(String, Bool)])
  func `what a server can do without does not grow`(text: String, isNeeded: Bool) throws {
    let (fixture, main) = try prepare()
    let path = try BranchPath(text)
    try main.writeFile(path, [1, 2, 3])
    let added = try fixture.store.measureAdded(by: "main").addedByteCount
    #expect(try grows(main, path))
    try fixture.store.setLimit("main", to: added + 300_000)
    try main.writeFile("filler", SplitMix64.bytes(seed: 2, count: 400_000))
    #expect(try grows(main, path) == isNeeded)
    // In a transaction too, and asked once more.
    let bytes = SplitMix64.bytes(seed: 3, count: 70_000)
    if isNeeded {
      try main.writeFile(path, bytes)
    } else {
      #expect(throws: StoreError.self) { try main.writeFile(path, bytes) }
    }
    #expect(try grows(main, path) == isNeeded)
  }

  @Test func `a file that moves is asked about where it is`() throws {
    let (fixture, main) = try prepare()
    try main.writeFile("data/base/5/1", [1])
    let added = try fixture.store.measureAdded(by: "main").addedByteCount
    try fixture.store.setLimit("main", to: added + 300_000)
    try main.writeFile("filler", SplitMix64.bytes(seed: 2, count: 400_000))
    let file = try main.open(main.lookup("data/base/5/1"))
    func grow() throws { try file.truncate(to: try file.byteCount() + 70_000) }
    #expect(throws: StoreError.self) { try grow() }
    let (tables, log) = (try main.lookup("data/base/5"), try main.lookup("data/pg_wal"))
    try main.rename("1", in: tables, to: "2", in: log)
    try grow()
    try grow()
    // The directory above it moves.
    let data = try main.lookup("data")
    try main.rename("pg_wal", in: data, to: "elsewhere", in: try main.lookup("data/base"))
    try main.removeTree("archive_status", in: log)
    #expect(throws: StoreError.self) { try grow() }
    // Without its control file it is no data directory.
    try main.rename("elsewhere", in: try main.lookup("data/base"), to: "pg_wal", in: data)
    try grow()
    try main.remove("pg_control", in: try main.lookup("data/global"))
    #expect(throws: StoreError.self) { try grow() }
    // Without a name nobody knows what it is for.
    try main.remove("2", in: log)
    #expect(throws: StoreError.self) { try grow() }
  }
}

extension SplitMix64 {
  fileprivate static func bytes(seed: UInt64, count: Int) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return random.bytes(count)
  }
}
