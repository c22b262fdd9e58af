import Coppice
import CoppiceFormat
import TestSupport
import Testing

/// Directories as mounts list them: in parts, by positions, while they change.
@Suite struct DirectoryWindowTests {
  private let memory = MemoryBranch()
  private var branch: Branch { memory.branch }
  private let order = EntryOrder(HashSecret(bytes: (0..<192).map { UInt8($0) }))

  private func names(_ numbers: Range<Int>) throws -> [FileName] {
    try numbers.map { try FileName("entry \($0)") }
  }

  @Test func `a listing has what is there throughout once, whatever comes and goes meanwhile`()
    throws
  {
    let staying = try names(0..<300)
    for name in staying { try branch.createFile(name, in: .root) }
    var passing = try names(300..<600)
    for name in passing { try branch.createFile(name, in: .root) }
    var random = SplitMix64(seed: 17)
    var listed: [FileName] = []
    var position = EntryPosition.behindDots
    while true {
      let window = try DirectoryWindow(
        of: .root, in: branch, after: position, order, countMax: 7)
      #expect(window.version == branch.namesVersion)
      guard let last = window.places.last else { break }
      #expect(window.places.count <= 7)
      listed += window.places.map(\.entry.name)
      position = last.position
      // The last one too, from whose position the listing goes on.
      if let place = passing.firstIndex(of: last.entry.name) {
        try branch.remove(passing.remove(at: place), in: .root)
      }
      let gone = passing.remove(at: random.below(passing.count))
      try branch.remove(gone, in: .root)
      let replaced = staying[random.below(staying.count)]
      try branch.createFile("new", in: .root)
      try branch.rename("new", in: .root, to: replaced, in: .root)
      try branch.createFile(FileName("more \(listed.count)"), in: .root)
      if window.reachesEnd { break }
    }
    let kept = Set(staying)
    #expect(listed.filter { kept.contains($0) }.sorted() == staying.sorted())
    #expect(Set(listed).count == listed.count)
  }

  @Test func `a window knows what it covers, and where reading goes on in it`() throws {
    let all = try names(0..<100)
    let entries = all.map { DirectoryEntry(name: $0, file: .root, kind: .directory) }
    let sorted = entries.map { order.position(of: $0.name) }.sorted()
    let window = DirectoryWindow(entries, after: .behindDots, order, countMax: 40)
    #expect(window.places.map(\.position) == Array(sorted[..<40]))
    #expect(!window.reachesEnd)
    #expect(window.covers(.behindDots) && window.covers(sorted[38]) && !window.covers(sorted[39]))
    #expect(!window.covers(.start))
    #expect(window.places(after: sorted[9]).map(\.position) == Array(sorted[10..<40]))
    let rest = DirectoryWindow(entries, after: sorted[39], order, countMax: 100)
    #expect(rest.places.map(\.position) == Array(sorted[40...]))
    #expect(rest.reachesEnd && rest.covers(sorted[99]) && !rest.covers(sorted[38]))
    #expect(sorted.allSatisfy { $0 > .behindDots && $0.rawValue <= UInt64(Int64.max) })
  }
}
