import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct TarWriterTests {
  /// One of everything, with names and numbers that need extended headers.
  private static func entries() -> [TarArchive.Member] {
    let long = Array((String(repeating: "long-", count: 40) + "name").utf8)
    var folder = TarEntry(kind: .directory, path: Array("d/".utf8))
    folder.mode = 0o1777
    folder.modified = 1_600_000_000_000_000_000
    var file = TarEntry(kind: .file, path: Array("d/".utf8) + long)
    file.modified = -1_500_000_000
    file.userID = 3_000_000
    file.byteCount = 3
    file.attributes = [
      TarEntry.Attribute(name: Array("user.a=b".utf8), value: [0, 10, 61, 255])
    ]
    var hard = TarEntry(kind: .hardLink, path: Array("hard".utf8))
    hard.linkTarget = file.path
    hard.modified = file.modified
    var link = TarEntry(kind: .symbolicLink, path: Array("link".utf8))
    link.linkTarget = long + long
    link.mode = 0o777
    var bytes = TarEntry(kind: .file, path: [0xFF, 0xFE] + long)
    bytes.byteCount = 0
    var sparse = TarEntry(kind: .file, path: Array("sparse".utf8))
    sparse.byteCount = 10 << 20
    sparse.dataRanges = [4096..<8192, 5 << 20..<(5 << 20) + 100]
    var content = [UInt8](repeating: 0, count: 10 << 20)
    for place in 4096..<8192 { content[place] = UInt8(place & 0x7F) + 1 }
    for place in (5 << 20)..<(5 << 20) + 100 { content[place] = 9 }
    var pipe = TarEntry(kind: .fifo, path: Array("pipe".utf8))
    pipe.mode = 0o640
    return [
      .init(entry: folder, content: []), .init(entry: file, content: [1, 2, 3]),
      .init(entry: hard, content: []), .init(entry: link, content: []),
      .init(entry: bytes, content: []), .init(entry: sparse, content: content),
      .init(entry: pipe, content: []),
    ]
  }

  private static func write(_ members: [TarArchive.Member]) throws -> [UInt8] {
    let archive = TarArchive()
    var writer = TarWriter(archive)
    for member in members {
      try writer.begin(member.entry)
      let ranges = member.entry.dataRanges ?? [0..<UInt64(member.content.count)]
      for range in ranges {
        try Array(member.content[Int(range.lowerBound)..<Int(range.upperBound)])
          .withUnsafeBytes { try writer.write(data: $0) }
      }
    }
    try writer.finish()
    return archive.bytes
  }

  @Test func `what the writer writes the reader reads`() throws {
    let members = Self.entries()
    let read = try TarArchive.members(of: Self.write(members))
    #expect(read.map(\.entry) == members.map(\.entry))
    #expect(read.map(\.content) == members.map(\.content))
  }

  @Test func `GNU tar extracts what the writer writes`() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.tar", Self.write(Self.entries()))
    try Program("bash").check(
      [
        "-ec",
        """
        mkdir out; tar --numeric-owner --xattrs --xattrs-include='*' -xpf a.tar -C out; cd out
        long=$(printf 'long-%.0s' $(seq 40))name
        [ "$(stat -c '%a %Y' d)" = '1777 1600000000' ]
        [ "$(stat -c '%.9Y' d/$long)" = '-1.500000000' ]
        [ "$(stat -c '%h %s' hard)" = '2 3' ]
        [ "$(readlink link)" = "$long$long" ]
        [ -e "$(printf '\\377\\376')$long" ]
        [ "$(stat -c %s sparse)" = 10485760 ]
        [ "$(stat -c %b sparse)" -lt 2048 ]
        [ "$(stat -c %F pipe)" = fifo ]
        """,
      ], in: folder.path)
    let content = try TemporaryFolder.bytes(of: folder("out/sparse"))
    #expect(content == Self.entries().first { $0.entry.dataRanges != nil }?.content)
  }

  @Test func `Python lists what the writer writes`() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.tar", Self.write(Self.entries()))
    let listing = try Program("python3").check(
      ["-c", "import tarfile; print(len(tarfile.open('a.tar').getmembers()))"], in: folder.path)
    #expect(listing.text == "7\n")
  }

  @Test func `numbers at the edge of the octal fields survive`() throws {
    var entry = TarEntry(kind: .characterDevice, path: Array("x".utf8))
    entry.userID = .max
    entry.groupID = 0o777_7777
    entry.modified = 8_589_934_592 * 1_000_000_000
    entry.deviceMajor = 4
    entry.deviceMinor = 64
    let archive = TarArchive()
    var writer = TarWriter(archive)
    try writer.begin(entry)
    try writer.finish()
    #expect(try TarArchive.members(of: archive.bytes).map(\.entry) == [entry])
  }

  @Test func `numbers that no field holds are never other ones`() throws {
    var entry = TarEntry(kind: .blockDevice, path: Array("x".utf8))
    entry.userID = .max
    entry.groupID = .max - 1
    entry.deviceMajor = 1 << 21 + 1
    entry.deviceMinor = 1 << 21
    entry.accessed = .min
    entry.modified = .max
    let archive = TarArchive()
    var writer = TarWriter(archive)
    try writer.begin(entry)
    try writer.finish()
    #expect(try TarArchive.members(of: archive.bytes).map(\.entry) == [entry])
    let folder = try TemporaryFolder()
    try folder.write("a.tar", archive.bytes)
    let listing = try Program("tar").check(["--numeric-owner", "-tvf", "a.tar"], in: folder.path)
    #expect(listing.text.contains("4294967295/4294967294 2097153,2097152"))
  }
}
