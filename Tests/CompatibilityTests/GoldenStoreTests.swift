import Coppice
import CoppiceEngine
import Foundation
import TestSupport
import Testing

/// Stores written by the first version of format 1 open, and hold what they held.
@Suite struct GoldenStoreTests {
  @Test(arguments: ["closed", "unsealed"])
  func `a store of format 1 opens and holds what it held`(name: String) throws {
    let listing = StoredStore.stores.appending(path: "\(name).txt")
    if StoredStore.isWriting {
      var golden = GoldenStores()
      let store = name == "closed" ? try golden.full() : try golden.unsealed()
      let lines = try StoreListing.lines(store)
      if name == "closed" { try store.close() } else { store.engine.abandon() }
      try StoredStore.save(golden.disk, as: name)
      try (lines.joined(separator: "\n") + "\n").write(
        to: listing, atomically: true, encoding: .utf8)
    }
    let disk = try StoredStore.load(name)
    let expected = try String(contentsOf: listing, encoding: .utf8)
    for isReadOnly in [true, false] {
      var options = GoldenStores.options
      options.isReadOnly = isReadOnly
      let store = try Store.open(disk: disk, clock: SimulatedClock(), options)
      #expect(try StoreListing.lines(store).joined(separator: "\n") + "\n" == expected)
      try store.close()
    }
  }

  @Test func `a store of format 1 can be written and stays whole`() throws {
    let disk = try StoredStore.load("closed")
    let store = try Store.open(disk: disk, clock: SimulatedClock(), GoldenStores.options)
    let main = try store.branch("main")
    try main.writeFile("new", [1, 2, 3])
    try store.close()
    let report = try Engine.check(
      disk: disk, clock: SimulatedClock(), options: GoldenStores.options, progress: { _ in true })
    #expect(report.findings == [])
  }
}
