import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct TarReaderTests {
  /// A folder with one of everything that the format names can hold.
  private static func makeTree(long: Bool) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let name = long ? String(repeating: "n", count: 200) : "short"
    try Program("bash").check(
      [
        "-ec",
        """
        mkdir -p tree/dir/\(name); cd tree
        seq 1 5000 > dir/numbers; printf '' > empty; printf x > dir/\(name)/\(name)
        ln dir/numbers zz-hard; ln -s dir/\(name)/\(name) link; chmod 2751 dir; chmod 600 empty
        touch -d '2024-02-03 04:05:06.123456789 UTC' dir/numbers
        """,
      ], in: folder.path)
    return folder
  }

  private static func read(_ folder: TemporaryFolder, _ options: [String]) throws
    -> [String: TarArchive.Member]
  {
    try Program("tar").check(
      options + ["--sort=name", "-cf", "all.tar", "-C", "tree", "."], in: folder.path)
    let bytes = try TemporaryFolder.bytes(of: folder("all.tar"))
    let members = try TarArchive.members(of: bytes, pieceByteCount: 700)
    let named = members.map { (String(decoding: $0.entry.path, as: UTF8.self), $0) }
    return Dictionary(uniqueKeysWithValues: named)
  }

  @Test(arguments: ["v7", "ustar", "gnu", "oldgnu", "posix"])
  func `every format of GNU tar is read`(format: String) throws {
    let isLong = ["gnu", "oldgnu", "posix"].contains(format)
    let name = isLong ? String(repeating: "n", count: 200) : "short"
    let folder = try Self.makeTree(long: isLong)
    let members = try Self.read(folder, ["--format=\(format)", "--numeric-owner"])
    let numbers = try #require(members["./dir/numbers"])
    #expect(try numbers.content == TemporaryFolder.bytes(of: folder("tree/dir/numbers")))
    let nanoseconds: Int64 = format == "posix" ? 123_456_789 : 0
    #expect(numbers.entry.modified == 1_706_933_106_000_000_000 + nanoseconds)
    #expect(members["./empty"]?.entry.mode == 0o600)
    #expect(members["./empty"]?.content == [])
    #expect(members["./dir/"]?.entry.kind == .directory)
    #expect(members["./dir/"]?.entry.mode == 0o2751)
    #expect(members["./dir/\(name)/\(name)"]?.content == [UInt8(ascii: "x")])
    #expect(members["./zz-hard"]?.entry.kind == .hardLink)
    #expect(members["./zz-hard"]?.entry.linkTarget == Array("./dir/numbers".utf8))
    #expect(members["./link"]?.entry.kind == .symbolicLink)
    #expect(members["./link"]?.entry.linkTarget == Array("dir/\(name)/\(name)".utf8))
  }

  @Test(arguments: ["gnu", "posix 0.0", "posix 0.1", "posix 1.0"])
  func `holes are found in every sparse format of GNU tar`(format: String) throws {
    let folder = try TemporaryFolder()
    try Program("bash").check(
      [
        "-ec",
        """
        mkdir tree; truncate -s 40M tree/sparse
        for i in $(seq 0 2 60); do
          printf "piece $i" | dd of=tree/sparse bs=65536 seek=$((i * 9)) conv=notrunc status=none
        done
        """,
      ], in: folder.path)
    let parts = format.split(separator: " ")
    let version = parts.count > 1 ? ["--sparse-version=\(parts[1])"] : []
    let members = try Self.read(folder, ["--format=\(parts[0])", "-S"] + version)
    let sparse = try #require(members["./sparse"])
    #expect(sparse.entry.byteCount == 40 << 20)
    #expect(try sparse.content == TemporaryFolder.bytes(of: folder("tree/sparse")))
    #expect(sparse.entry.storedByteCount < 4 << 20)
    #expect((sparse.entry.dataRanges?.count ?? 0) > 20)
  }

  @Test func `extended attributes are read`() throws {
    let folder = try Self.makeTree(long: false)
    try Program("python3").check(
      ["-c", "import os; os.setxattr('tree/empty', 'user.colour', b'a\\nb=c\\0d')"],
      in: folder.path)
    let members = try Self.read(folder, ["--xattrs", "--format=posix"])
    let colour = TarEntry.Attribute(
      name: Array("user.colour".utf8), value: Array("a\nb=c\0d".utf8))
    #expect(members["./empty"]?.entry.attributes == [colour])
  }

  @Test func `archives of Python and bsdtar are read`() throws {
    let folder = try Self.makeTree(long: true)
    let name = String(repeating: "n", count: 200)
    try Program("python3").check(
      ["-c", "import tarfile; t = tarfile.open('p.tar', 'w'); t.add('tree'); t.close()"],
      in: folder.path)
    var archives = ["p.tar"]
    if Program("bsdtar").isInstalled {
      try Program("bsdtar").check(["-cf", "b.tar", "tree"], in: folder.path)
      archives.append("b.tar")
    }
    for archive in archives {
      let members = try TarArchive.members(of: TemporaryFolder.bytes(of: folder(archive)))
      let paths = members.map { String(decoding: $0.entry.path, as: UTF8.self) }
      #expect(paths.contains("tree/dir/\(name)/\(name)"))
      let numbers = try #require(members.first { $0.content.count > 1000 })
      #expect(try numbers.content == TemporaryFolder.bytes(of: folder("tree/dir/numbers")))
      // Python's own times are floating point numbers.
      #expect(numbers.entry.modified / 1000 == 1_706_933_106_123_456)
    }
  }

  @Test func `global records hold for all members that follow`() throws {
    let archive = TarArchive()
    let records = PaxRecords.encode(key: Array("uid".utf8), value: Array("77".utf8))
    var header = TarHeader()
    header.type = UInt8(ascii: "g")
    header.byteCount = UInt64(records.count)
    let padded = records + [UInt8](repeating: 0, count: 512 - records.count)
    try (header.encode() + padded).withUnsafeBytes { try archive.write($0) }
    var writer = TarWriter(archive)
    try writer.begin(TarEntry(kind: .directory, path: Array("a/".utf8)))
    try writer.begin(TarEntry(kind: .directory, path: Array("b/".utf8)))
    try writer.finish()
    let members = try TarArchive.members(of: archive.bytes)
    #expect(members.map(\.entry.userID) == [77, 77])
  }

  /// The one member of an archive whose extended header has these records.
  private static func member(
    _ records: [(String, [UInt8])], global: [(String, [UInt8])] = [],
    _ change: (inout TarHeader) -> Void = { _ in }
  ) throws -> TarEntry {
    let archive = TarArchive()
    for (type, records) in [("g", global), ("x", records)] where !records.isEmpty {
      let lines = records.flatMap { PaxRecords.encode(key: Array($0.0.utf8), value: $0.1) }
      var header = TarHeader()
      header.type = Array(type.utf8)[0]
      header.byteCount = UInt64(lines.count)
      let padding = [UInt8](repeating: 0, count: (512 - lines.count % 512) % 512)
      try (header.encode() + lines + padding).withUnsafeBytes { try archive.write($0) }
    }
    var header = TarHeader()
    header.name = Array("name".utf8)
    header.userID = 5
    header.modified = 7
    change(&header)
    try (header.encode() + [UInt8](repeating: 0, count: 1024)).withUnsafeBytes {
      try archive.write($0)
    }
    return try #require(try TarArchive.members(of: archive.bytes).first).entry
  }

  @Test func `a record with an empty value takes earlier ones back`() throws {
    let earlier = [("path", Array("other".utf8)), ("uid", Array("9".utf8)), ("mtime", [0x39])]
    let entry = try Self.member(
      [("path", []), ("uid", []), ("mtime", []), ("size", []), ("SCHILY.xattr.user.a", [])],
      global: earlier)
    #expect(entry.path == Array("name".utf8))
    #expect(entry.userID == 5)
    #expect(entry.modified == 7_000_000_000)
    #expect(entry.attributes == [TarEntry.Attribute(name: Array("user.a".utf8), value: [])])
  }

  @Test func `libarchive's form of an attribute is read`() throws {
    let entry = try Self.member([
      ("LIBARCHIVE.xattr.user.a%20b", Array("AP8K".utf8)),
      ("LIBARCHIVE.xattr.user.short", Array("AA".utf8)),
      ("LIBARCHIVE.xattr.user.both", Array("AA==".utf8)), ("SCHILY.xattr.user.both", [9]),
    ])
    let values = Dictionary(uniqueKeysWithValues: entry.attributes.map { ($0.name, $0.value) })
    #expect(values[Array("user.a b".utf8)] == [0, 255, 10])
    #expect(values[Array("user.short".utf8)] == [0])
    #expect(values[Array("user.both".utf8)] == [9])
    #expect(throws: StoreError.self) { try Self.member([("LIBARCHIVE.xattr.a", [0x2A])]) }
  }

  @Test func `moments that are not kept become the nearest`() throws {
    for (text, expected) in [
      ("13569465600", Int64.max), ("99999999999999999999999.5", .max), ("-13569465600", .min),
      ("-1.5", -1_500_000_000), ("0.0000000019", 1),
    ] {
      let entry = try Self.member([("mtime", Array(text.utf8)), ("atime", Array(text.utf8))])
      #expect(entry.modified == expected && entry.accessed == expected)
    }
    #expect(try Self.member([], { $0.modified = 1 << 60 }).modified == .max)
    #expect(throws: StoreError.self) { try Self.member([("mtime", Array("1x".utf8))]) }
  }

  @Test func `owners and devices beyond 32 bits are an error that names the member`() throws {
    for key in ["uid", "gid", "SCHILY.devmajor"] {
      let error = #expect(throws: StoreError.self) {
        try Self.member([(key, Array("4294967296".utf8))])
      }
      #expect(error?.kind == .invalid && error?.cause?.contains("'name'") == true)
    }
    let error = #expect(throws: StoreError.self) {
      try Self.member([], { $0.userID = 1 << 40 })
    }
    #expect(error?.message.contains("uid") == true)
  }

  @Test func `a stream that ends early is an error wherever it ends`() throws {
    let folder = try Self.makeTree(long: true)
    _ = try Self.read(folder, ["--format=posix"])
    let bytes = try TemporaryFolder.bytes(of: folder("all.tar"))
    let end = try #require(bytes.lastIndex { $0 != 0 })
    let lastHeaderEnd = (end / 512 + 1) * 512
    for byteCount in stride(from: 0, to: lastHeaderEnd + 512, by: 256) {
      #expect {
        try TarArchive.members(of: Array(bytes[..<byteCount]))
      } throws: { error in
        guard let error = error as? StoreError else { return false }
        return error.kind == .invalid && error.description.contains("test: the stream")
      }
    }
  }

  @Test func `a compressed stream names the program that unpacks it`() throws {
    let folder = try Self.makeTree(long: false)
    try Program("tar").check(["-czf", "all.tgz", "-C", "tree", "."], in: folder.path)
    let bytes = try TemporaryFolder.bytes(of: folder("all.tgz"))
    let error = #expect(throws: StoreError.self) { try TarArchive.members(of: bytes) }
    #expect(error?.remedy.description.contains("gzip -dc") == true)
  }

  @Test func `bytes behind the end of the archive are not dropped in silence`() throws {
    let archive = TarArchive()
    var writer = TarWriter(archive)
    try writer.finish()
    let error = #expect(throws: StoreError.self) {
      try TarArchive.members(of: archive.bytes + archive.bytes + [1])
    }
    #expect(error?.message.contains("follow the end") == true)
  }

  @Test func `damaged streams give errors and never a crash`() throws {
    let folder = try Self.makeTree(long: true)
    try Program("bash").check(
      ["-ec", "truncate -s 1M tree/sparse; printf x >> tree/sparse"], in: folder.path)
    for options in [["--format=posix", "-S"], ["--format=gnu", "-S"]] {
      _ = try Self.read(folder, options)
      let bytes = try TemporaryFolder.bytes(of: folder("all.tar"))
      var generator = SplitMix(state: 7)
      for _ in 0..<400 {
        var damaged = bytes
        for _ in 0..<(1 + generator.next() % 4) {
          let place = Int(generator.next() % UInt64(bytes.count))
          damaged[place] = UInt8(truncatingIfNeeded: generator.next())
          if generator.next() % 2 == 0 { Self.repairChecksum(of: &damaged, around: place) }
        }
        do {
          _ = try TarArchive.members(of: damaged)
        } catch let error as StoreError {
          #expect(error.kind == .invalid)
        }
      }
    }
  }

  /// Makes the block's checksum fit again, so that the damage reaches the fields.
  private static func repairChecksum(of bytes: inout [UInt8], around place: Int) {
    let start = place / 512 * 512
    var sum: UInt64 = 0
    for offset in 0..<512 {
      sum += (148..<156).contains(offset) ? 32 : UInt64(bytes[start + offset])
    }
    let digits = String(sum, radix: 8)
    let text = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
    bytes.replaceSubrange(start + 148..<start + 156, with: text.utf8)
  }
}

/// A small random generator whose runs repeat.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
