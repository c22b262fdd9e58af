import Coppice
import CoppiceEstimate
import Foundation
import TestSupport
import Testing

/// Estimates of two folders against what a store then stores.
@Suite struct EstimateTests {
  private let folder: TemporaryFolder
  private var random = SplitMix64(seed: 41)

  init() throws { folder = try TemporaryFolder() }

  /// Pages of rows: words of a few bytes that repeat, so that they compress to a third or so.
  private mutating func pages(_ count: Int) -> [UInt8] {
    (0..<count * 1024).flatMap { _ in
      withUnsafeBytes(of: random.next() & 0x0F0F_00FF_0F0F_00FF) { Array($0) }
    }
  }

  private func script(_ text: String) throws {
    try Program("bash").check(["-euc", text], in: folder.path)
  }

  private func estimate(_ before: String = "a", _ after: String = "b") throws -> EstimateReport {
    try Estimate.run(before: folder(before), after: folder(after))
  }

  /// A folder of some files of rows, 12 MB, and a copy of it in which some changed.
  private mutating func makeFolders() throws {
    try script("mkdir -p a/base a/deep/er")
    var files: [(name: String, bytes: [UInt8])] = []
    for (name, count) in [
      ("base/1", 300), ("base/2", 600), ("base/3", 256), ("base/4", 40), ("deep/er/5", 270),
    ] { files.append((name, pages(count))) }
    for index in 0..<60 { files.append(("small\(index)", Array(pages(1)[..<(100 * index)]))) }
    for file in files { try folder.write("a/" + file.name, file.bytes) }
    try script("truncate -s 9M a/holes; ln a/base/4 a/linked; ln -s base/4 a/soft; cp -a a b")

    var first = files[0].bytes
    for page in stride(from: 3, to: 300, by: 9) {
      for byte in 0..<24 { first[page * 8192 + 512 + byte] ^= 0x5A }
    }
    try folder.write("b/base/1", first + pages(60))
    var second = files[1].bytes
    second.replaceSubrange(200 * 8192..<240 * 8192, with: pages(40))
    try folder.write("b/base/2", second)
    try folder.write("b/base/3", files[2].bytes[..<(200 * 8192 + 77)])
    try folder.write("b/new", files[4].bytes)
    try folder.write("b/newer", pages(120))
    try script("rm b/small7; chmod 600 b/small8")
  }

  /// What a store has in segments.
  private func segmentByteCount() throws -> UInt64 {
    let directory = folder("store/segments")
    return try FileManager.default.contentsOfDirectory(atPath: directory).reduce(0) { sum, name in
      try sum + UInt64(TemporaryFolder.bytes(of: "\(directory)/\(name)").count)
    }
  }

  private func expectClose(_ estimated: UInt64, _ real: UInt64, _ label: String) {
    let difference = Double(max(estimated, real) - min(estimated, real))
    #expect(difference <= 0.05 * Double(real), "\(label): \(estimated) for \(real)")
  }

  @Test mutating func `an estimate is what a store then stores`() throws {
    try makeFolders()
    let report = try estimate()
    let store = try Store.create(at: folder("store"))
    let first = try store.importFiles(from: .path(folder("a")), into: "main")
    let before = try segmentByteCount()
    expectClose(
      report.baseline.storedByteCount - report.baseline.directoryByteCount, first.storedByteCount,
      "the baseline's frames")
    expectClose(report.baseline.storedByteCount, before, "the baseline's segments")

    let branch = try store.createBranch("branch", from: "main")
    for (name, change) in [("base/1", 0), ("base/2", 1), ("base/3", 2)] {
      let file = try branch.lookup(BranchPath(name))
      let bytes = try TemporaryFolder.bytes(of: folder("b/" + name))
      if change == 2 { try branch.truncate(file, to: UInt64(bytes.count)) }
      let old = try TemporaryFolder.bytes(of: folder("a/" + name))
      for start in stride(from: 0, to: bytes.count, by: 8192) {
        let end = min(start + 8192, bytes.count)
        if end > old.count || bytes[start..<end] != old[start..<end] {
          try branch.write(file, at: UInt64(start), Array(bytes[start..<end]))
        }
      }
    }
    for name in ["new", "newer"] {
      try branch.writeFile(BranchPath(name), try TemporaryFolder.bytes(of: folder("b/" + name)))
    }
    try branch.transaction { changes throws(StoreError) in try changes.remove("small7", in: .root) }
    try store.close()
    expectClose(report.branch.storedByteCount, try segmentByteCount() - before, "the branch")
  }

  @Test mutating func `an estimate is what an import in place of the first then stores`() throws {
    try makeFolders()
    let report = try estimate()
    let store = try Store.create(at: folder("store"))
    defer { try? store.close() }
    _ = try store.importFiles(from: .path(folder("a")), into: "main")
    var options = ImportOptions()
    options.isReplacing = true
    let second = try store.importFiles(from: .path(folder("b")), into: "main", options: options)
    expectClose(
      report.branch.storedByteCount - report.branch.directoryByteCount, second.storedByteCount,
      "the branch's frames")
  }

  @Test mutating func `equal inputs add nothing`() throws {
    try makeFolders()
    try script("find a -exec touch -d '2020-01-01' {} +")
    for (before, after) in [("b", "b"), ("a", "c")] {
      if after == "c" { try script("cp -r a c; rm c/linked; ln c/base/4 c/linked") }
      let report = try estimate(before, after)
      #expect(report.branch == EstimateReport.Stored(), "\(after)")
      #expect(report.kinds.allSatisfy { $0.changedFileCount + $0.removedFileCount == 0 })
      #expect(report.peers.dropFirst().allSatisfy { $0.byteCount == 0 })
      #expect(report.peers[0].byteCount == report.after.byteCount)
    }
  }

  /// Where frames lie depends on which thread comes first, and nodes' bytes a little on that.
  private func found(_ kind: EstimateReport.Kind) -> EstimateReport.Kind {
    var kind = kind
    kind.storedByteCount = 0
    return kind
  }

  @Test mutating func `a tar says what its directory does`() throws {
    try makeFolders()
    try script("tar --format=pax -S -cf a.tar -C a .; tar --format=gnu -cf b.tar -C b .")
    #expect(try estimate("a", "a.tar").branch == EstimateReport.Stored())
    let directories = try estimate()
    for (before, after) in [("a.tar", "b"), ("a", "b.tar"), ("a.tar", "b.tar")] {
      let report = try estimate(before, after)
      #expect(report.kinds.map(found) == directories.kinds.map(found), "\(before) \(after)")
      #expect(report.peers == directories.peers)
      #expect(report.branch.deltaPageCount == directories.branch.deltaPageCount)
      expectClose(
        report.branch.storedByteCount, directories.branch.storedByteCount, "\(before) \(after)")
    }
  }

  @Test mutating func `peers are counted by their units`() throws {
    let old = pages(64)
    var new = old
    new[0] ^= 1
    new[5 * 4096] ^= 1
    new[300 << 10] ^= 1
    try script("mkdir a b")
    try folder.write("a/file", old)
    try folder.write("b/file", new)
    let report = try estimate()
    let counts = report.peers.map { ($0.unitByteCount ?? 0, $0.byteCount) }
    #expect(counts.map(\.0) == [0, 0, 4096, 8192, 65536, 131072])
    #expect(counts.map(\.1) == [524_288, 524_288, 12288, 24576, 131072, 262144])
    #expect(report.kinds.map(\.changedPageCount) == [3])
    #expect(report.branch.deltaPageCount == 3 && report.branch.fullPageCount == 0)
  }

  @Test func `a huge file of holes takes no time, and empty directories no bytes`() throws {
    try script("mkdir -p a/empty b/empty; truncate -s 8T a/file; truncate -s 8T b/file")
    try script("printf x | dd of=b/file bs=1 seek=5000000000000 conv=notrunc status=none")
    let report = try estimate()
    #expect(report.after.byteCount == 8 << 40)
    #expect(report.branch.storedByteCount < 4096 && report.branch.fullPageCount == 1)
    #expect(report.baseline.fullPageCount == 0)
    #expect(report.kinds.map(\.changedPageCount) == [1])
    try script("rm -r a b; mkdir a b")
    #expect(try estimate().branch == EstimateReport.Stored())
  }

  @Test func `what is gone or has become something else is counted once`() throws {
    try script(
      """
      mkdir -p a/gone/deep b; printf one > a/gone/deep/file; printf two > a/turned
      mkdir b/turned; printf three > b/turned/inside; mkfifo b/pipe; ln -s x b/link
      printf 1 > a/one; ln a/one a/two; printf 1 > b/one; printf 2 > b/two
      """)
    let report = try estimate()
    #expect(report.kinds.map(\.fileCount) == [3] && report.kinds.map(\.removedFileCount) == [2])
    #expect(report.notes.count == 1 && report.notes[0].contains("pipe"), "\(report.notes)")
    #expect(report.branch.storedByteCount > 0 && report.branch.storedByteCount < 8192)
  }

  @Test func `what cannot be read is refused in words`() throws {
    try script("mkdir a; printf x > a/file; mkfifo pipe; printf 'no tar' > text; gzip -k text")
    let cases: [(path: String, kind: StoreError.Kind, words: String)] = [
      ("nothing", .notFound, "no such"), ("pipe", .invalid, "neither"),
      ("text", .invalid, "ends early"), ("text.gz", .invalid, "ends early"),
    ]
    for (path, kind, words) in cases {
      let error = #expect(throws: StoreError.self) { try estimate("a", path) }
      #expect(error?.kind == kind, "\(path): \(String(describing: error))")
      #expect(error?.message.contains(words) ?? false)
      #expect(error?.remedy.description.contains("imported") == false)
    }
  }
}
