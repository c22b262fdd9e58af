import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// Journal files that begin behind a gap: their records were never acknowledged.
@Suite struct JournalGapTests {
  @Test(arguments: ["journal/control-0", "journal/900"])
  func `records behind a gap do not come back when later ones reach their LSNs`(name: String)
    throws
  {
    // Where a store that does the same without such a file ends.
    let end = try closedStore { _, _ in }.engine.journal.lastLSN
    let store = try closedStore { store, branch in
      // A power cut kept this file's deletion of the branch and lost the batches before it.
      try write(deletionOf: branch, at: end.next, to: name, of: store)
    }
    #expect(store.engine.journal.lastLSN == end)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    #expect(try store.engine.branches.named("main").get(1, 1) == [2])
  }

  /// A store that was opened twice and written to each time; `between` runs while it is closed.
  private func closedStore(_ between: (TestStore, BranchID) throws -> Void) throws -> TestStore {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1])
    try store.engine.close()
    try between(store, main.id)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    try store.engine.branches.named("main").put(1, [2])
    try store.engine.close()
    return store
  }

  private func write(
    deletionOf branch: BranchID, at first: LSN, to name: String, of store: TestStore
  ) throws {
    var batch = SampleBatch()
    batch.append(.delete, branch: branch.rawValue)
    let isControl = name.contains("control")
    let header = JournalFileHeader(
      sequence: 1000, generation: 1000, firstLSN: first,
      previousLSN: LSN(first.rawValue - 1), uuid: store.engine.storeUUID, isControl: isControl)
    let file =
      isControl ? try store.disk.open(name, .writeDirect) : try store.disk.open(name, .createDirect)
    let block = AlignedBuffer(byteCountMin: 4096)
    block.appendZeros(4096)
    header.encode(into: block.mutableContents)
    try file.write(block.contents, at: 0)
    block.removeAll()
    batch.sealed(generation: 1000, firstLSN: first, syncedLSN: .zero).withUnsafeBytes {
      block.append($0)
    }
    block.pad(to: 4096)
    try file.write(block.contents, at: 4096)
    try file.sync()
    try store.disk.syncDirectory("journal")
  }
}
