import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct SuperblockRepairTests {
  private static let file = "superblock"

  private func prepare() throws -> TestStore {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1, 2, 3])
    try store.engine.close()
    return store
  }

  private func repair(_ disk: SimulatedDisk, _ store: TestStore) throws -> RepairReport {
    try Engine.repair(
      disk: disk, clock: store.clock, options: store.options, RepairOptions())
  }

  private func expectWhole(_ disk: SimulatedDisk, _ store: TestStore, _ bytes: [UInt8]) throws {
    #expect(try disk.contents(of: Self.file) == bytes)
    let engine = try Engine.open(disk: disk, clock: store.clock, options: store.options)
    defer { engine.abandon() }
    #expect(try engine.branches.named("main").all(1) == [1, 2, 3])
    #expect(try engine.checks.check { _ in true }.findings == [])
  }

  @Test func `a damaged copy is written anew from the other, whenever the power goes`() throws {
    let store = try prepare()
    let bytes = try store.disk.contents(of: Self.file)
    for (damage, number) in [
      ([UInt8](repeating: 7, count: 4096) + bytes[4096...], 1),
      (bytes[..<4096] + [UInt8](repeating: 7, count: 4096), 2),
      (Array(bytes[..<4500]), 2),
    ] as [([UInt8], Int)] {
      let damaged = store.disk.snapshot()
      try damaged.setContents(of: Self.file, to: damage)
      let disk = damaged.snapshot()
      let report = try repair(disk, store)
      #expect(report.steps.map(\.object) == ["superblock copy \(number)"])
      #expect(try disk.contents(of: "\(report.folder)/superblock") == damage)
      let end = disk.operationCount
      try expectWhole(disk, store, bytes)
      for point in 0..<end {
        let disk = damaged.snapshot()
        disk.powerOff(beforeOperation: point)
        #expect(throws: StoreError.self) { try repair(disk, store) }
        disk.crash(seed: UInt64(point))
        _ = try repair(disk, store)
        try expectWhole(disk, store, bytes)
      }
    }
  }

  @Test func `two damaged copies are put together if a checksum proves the result`() throws {
    let store = try prepare()
    let bytes = try store.disk.contents(of: Self.file)
    var apart = bytes
    for index in 64..<128 { apart[index] = 0 }
    for index in 4096 + 4000..<8192 { apart[index] = 0 }
    var bits = bytes
    bits[100] ^= 4
    for index in 4096..<8192 { bits[index] ^= 0x55 }
    for damage in [apart, bits] {
      let disk = store.disk.snapshot()
      try disk.setContents(of: Self.file, to: damage)
      #expect(throws: StoreError.self) {
        try Engine.open(disk: disk, clock: store.clock, options: store.options)
      }
      #expect(try repair(disk, store).steps.map(\.object) == [Self.file])
      try expectWhole(disk, store, bytes)
    }
  }

  @Test func `when both copies are lost the error says what helps, and nothing is touched`() throws
  {
    let store = try prepare()
    let bytes = try store.disk.contents(of: Self.file)
    var damage = bytes
    for copy in [0, 4096] {
      for index in 64..<70 { damage[copy + index] ^= UInt8(index) }
    }
    try store.disk.setContents(of: Self.file, to: damage)
    let files = store.disk.fileNames()
    let failure = #expect(throws: StoreError.self) { try repair(store.disk, store) }
    #expect(failure?.kind == .corrupt)
    #expect(failure?.object == Self.file)
    #expect(failure?.remedy.description.contains("any copy of the store, however old") == true)
    #expect(store.disk.fileNames() == files)
    #expect(try store.disk.contents(of: Self.file) == damage)
    let opening = #expect(throws: StoreError.self) {
      try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    }
    #expect(opening?.remedy.description.contains("`Store.repair`") == true)
    // As the error says.
    try store.disk.setContents(of: Self.file, to: bytes)
    #expect(try repair(store.disk, store).steps == [])
    try expectWhole(store.disk, store, bytes)
  }
}
