import Coppice
import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// Trees of names whose pages are what was stored, and yet no names.
@Suite struct DamagedNamesTests {
  @Test func `a check finds names that make no sense in a sound store`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("sound").writeFile("file", [1])
    let main = try store.createBranch("main")
    try main.writeFile("file", [1])
    #expect(try store.check().isClean)
    try store.close()

    let damaging = try Store.open(at: folder("store"))
    let names = try damaging.engine.branches.named("main")
    try [UInt8](repeating: 0xFF, count: 64).withUnsafeBytes {
      _ = try names.write(VolumeNumber(0), at: UInt64(damaging.pageByteCount), $0, time: 1)
    }
    let open = try damaging.check()
    try damaging.close()
    let closed = try Store.check(at: folder("store"))
    for report in [open, closed] {
      #expect(!report.isClean && !report.findings.isEmpty)
      #expect(report.findings.allSatisfy { $0.object == "names of main" && $0.affected.isEmpty })
    }
  }
}
