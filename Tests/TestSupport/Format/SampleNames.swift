internal import CoppiceFormat

/// A value of each structure of the names tree.
enum SampleNames {
  static let pageByteCount = 4096

  static let header: NamesTreeHeader = {
    var header = NamesTreeHeader(pageByteCount: pageByteCount)
    header.depth = 3
    header.root = 7
    header.pageCount = 90
    header.firstFreePage = 12
    header.freePageCount = 4
    header.cellCount = 1234
    return header
  }()

  static let keys: [NamesKey] = [
    .inode(VolumeNumber(1)), .inode(VolumeNumber(0xFF_FFFF_FFFF)),
    .entry(VolumeNumber(1), Array("pg_wal".utf8)),
    .attribute(VolumeNumber(9), Array("security.capability".utf8)), .orphan(VolumeNumber(300)),
  ]

  static let inodes: [InodeRecord] = {
    var file = InodeRecord(kind: 1, permissions: 0o600, parent: VolumeNumber(1), time: 5)
    file.importStamp = ImportStampRecord(
      byteCount: 8192, modified: 3, changed: 4, device: 5, inode: 6,
      content: PageHash(low: 7, high: 8))
    var link = InodeRecord(kind: 3, permissions: 0o777, parent: VolumeNumber(1), time: -5)
    link.target = Array("../16384/PG_VERSION".utf8)
    return [file, link, InodeRecord(kind: 2, permissions: 0o700, parent: VolumeNumber(1), time: 0)]
  }()

  static let overflow = Array("a long value".utf8).withUnsafeBytes {
    NamesOverflow(of: $0, firstPage: 17)
  }

  static let leaf = page { editor in
    editor.initialize(level: 0)
    for (index, key) in keys.sorted().enumerated() {
      let isOverflow = index == 3
      let value = isOverflow ? overflow.encode() : inodes[index % inodes.count].encode()
      insert(key.bytes, value, isOverflow: isOverflow, editor)
    }
    editor.remove(at: 1)
  }

  static let inner = page { editor in
    editor.initialize(level: 2)
    insert([], [1, 0, 0, 0], isOverflow: false, editor)
    for (index, key) in keys.sorted().enumerated() {
      insert(key.bytes, [UInt8(index + 2), 0, 0, 0], isOverflow: false, editor)
    }
  }

  static let overflowPage = page { editor in
    Array("a long value".utf8).withUnsafeBytes { editor.initializeOverflow($0, next: 4) }
  }

  private static func page(_ body: (NamesPageEditor) -> Void) -> [UInt8] {
    FormatDecoder.encoded(byteCount: pageByteCount) { body(NamesPageEditor($0)) }
  }

  private static func insert(
    _ key: [UInt8], _ value: [UInt8], isOverflow: Bool, _ editor: NamesPageEditor
  ) {
    key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        editor.insert(at: editor.cellCount, key: key, value: value, isOverflow: isOverflow)
      }
    }
  }

  /// Edits a copy of a page that validated in every way there is; traps if it does not validate
  /// afterwards.
  static func edit(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
    var copy = Array(bytes)
    var failure: FormatError?
    copy.withUnsafeMutableBytes { buffer in
      let editor = NamesPageEditor(buffer)
      do throws(FormatError) {
        let page = try NamesPage(UnsafeRawBufferPointer(buffer))
        editor.compact()
        try page.validate()
        let last = try page.cell(at: page.cellCount - 1)
        let cell = (key: Array(last.key), value: Array(last.value), isOverflow: last.isOverflow)
        editor.remove(at: page.cellCount - 1)
        try page.validate()
        insert(cell.key, cell.value, isOverflow: cell.isOverflow, editor)
        try page.validate()
      } catch {
        failure = error
      }
    }
    precondition(failure == nil, "an edited page does not validate: \(String(describing: failure))")
  }
}

extension NamesTreeHeader {
  var encoded: [UInt8] {
    FormatDecoder.encoded(byteCount: pageByteCount) { encode(into: $0) }
  }
}
