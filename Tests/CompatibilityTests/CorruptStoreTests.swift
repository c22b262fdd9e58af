import Coppice
import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Foundation
import TestSupport
import Testing

/// What a damaged store gets. Each file of `Fixtures/corrupt` says what is done to which golden
/// store and what must follow:
///
///     store NAME
///     flip FILE OFFSET BIT | truncate FILE BYTES | remove FILE | set FILE OFFSET HEX
///     superblock version N | superblock incompatible N | superblock read-compatible N
///     open KIND TEXT     opening for writing fails with that kind, and the error's text has TEXT
///     opens              opening works
///     check TEXT         a finding of the check has TEXT
///
/// `-N` as offset counts from the file's end. Nothing may change the store beyond the damage.
@Suite struct CorruptStoreTests {
  static let folder = StoredStore.folder.appending(path: "corrupt")

  static let cases: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()

  @Test func `there are corrupt stores to test`() {
    #expect(Self.cases.count >= 16)
  }

  @Test(arguments: cases)
  func `a damaged store gets the error it must give`(name: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let disk = try StoredStore.load(try #require(lines.first { $0[0] == "store" })[1])
    for line in lines { try damage(disk, line) }
    let before = try disk.fileNames().map { try disk.contents(of: $0) }
    for line in lines where line[0] == "check" {
      let wanted = line.dropFirst().joined(separator: " ")
      let report = try Engine.check(
        disk: disk, clock: SimulatedClock(), options: GoldenStores.options, progress: { _ in true })
      let findings = report.findings.map { "\($0.object): \($0.message)" }
      #expect(findings.contains { $0.contains(wanted) }, "\(findings)")
    }
    for line in lines where line[0] == "open" {
      let wanted = line.dropFirst(2).joined(separator: " ")
      let error = try #require(throws: StoreError.self) {
        try Store.open(disk: disk, clock: SimulatedClock(), GoldenStores.options)
      }
      #expect(error.kind.rawValue == line[1])
      #expect("\(error)".contains(wanted), "\(error)")
    }
    #expect(try disk.fileNames().map { try disk.contents(of: $0) } == before)
    for line in lines where line[0] == "opens" {
      let store = try Store.open(disk: disk, clock: SimulatedClock(), GoldenStores.options)
      store.engine.abandon()
    }
  }

  private func damage(_ disk: SimulatedDisk, _ line: [String]) throws {
    switch line[0] {
    case "flip":
      try disk.flipBit(Int(line[3])!, at: try offset(line[2], disk, line[1]), in: line[1])
    case "truncate":
      let kept = try disk.contents(of: line[1]).prefix(Int(line[2])!)
      try disk.setContents(of: line[1], to: Array(kept))
    case "remove":
      try disk.remove(line[1])
    case "set":
      var bytes = try disk.contents(of: line[1])
      let place = Int(try offset(line[2], disk, line[1]))
      for (index, byte) in line[3...].enumerated() {
        bytes[place + index] = UInt8(byte, radix: 16)!
      }
      try disk.setContents(of: line[1], to: bytes)
    case "superblock":
      let stored = try disk.contents(of: "superblock")
      var superblock = try Superblock.decode(stored.span.bytes)
      let value = UInt64(line[2])!
      switch line[1] {
      case "version": superblock.formatVersion = UInt32(value)
      case "incompatible": superblock.incompatibleFlags = value
      default: superblock.readCompatibleFlags = value
      }
      try disk.setContents(of: "superblock", to: superblock.encode())
    default: break
    }
  }

  private func offset(_ text: String, _ disk: SimulatedDisk, _ name: String) throws -> UInt64 {
    let value = Int(text)!
    return UInt64(value < 0 ? try disk.contents(of: name).count + value : value)
  }
}
