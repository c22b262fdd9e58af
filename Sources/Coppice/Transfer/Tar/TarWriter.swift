/// Where the bytes of a stream go.
package protocol TransferOutput: AnyObject {
  /// Writes all of `bytes`.
  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError)
}

/// Writes a tar stream: ustar headers, with pax headers before them where a name, number, time or
/// attribute asks for one. Holes stay holes (GNU's sparse format 1.0), which GNU tar, bsdtar and
/// Python's tarfile read.
package struct TarWriter {
  private let output: any TransferOutput
  private var remaining: UInt64 = 0
  private var paddingByteCount = 0

  package init(_ output: any TransferOutput) { self.output = output }

  /// Begins a member. `storedByteCount` bytes of data must follow before the next one.
  package mutating func begin(_ entry: TarEntry) throws(StoreError) {
    precondition(remaining == 0, "the data of the member before is incomplete")
    try endData()
    let map =
      entry.kind == .file
      ? entry.dataRanges.map { TarWriter.encodeMap($0, byteCount: entry.byteCount) } : nil
    var header = TarWriter.header(of: entry)
    header.byteCount = entry.storedByteCount + UInt64(map?.count ?? 0)
    let records = TarWriter.records(of: entry, header)
    if map != nil {
      header.name = TarWriter.cut(Array("GNUSparseFile.0/".utf8) + entry.path)
    }
    if !records.isEmpty { try writeExtended(records, for: header) }
    try write(header.encode())
    if let map { try write(map) }
    remaining = entry.storedByteCount
    paddingByteCount = Int((512 - header.byteCount % 512) % 512)
  }

  /// Writes data of the current member; holes are left out.
  package mutating func write(data: UnsafeRawBufferPointer) throws(StoreError) {
    precondition(UInt64(data.count) <= remaining, "more data than the member announced")
    remaining -= UInt64(data.count)
    try output.write(data)
  }

  /// Ends the archive with two blocks of zeros.
  package mutating func finish() throws(StoreError) {
    precondition(remaining == 0, "the data of the last member is incomplete")
    try endData()
    try write([UInt8](repeating: 0, count: 2 * TarHeader.byteCount))
  }

  // MARK: Headers

  private static func header(of entry: TarEntry) -> TarHeader {
    var header = TarHeader()
    header.name = cut(entry.path)
    header.linkName = cut(entry.linkTarget)
    header.mode = entry.mode
    header.userID = UInt64(entry.userID)
    header.groupID = UInt64(entry.groupID)
    header.modified = entry.modified >= 0 ? entry.modified / 1_000_000_000 : 0
    header.deviceMajor = entry.deviceMajor
    header.deviceMinor = entry.deviceMinor
    header.type =
      switch entry.kind {
      case .file: UInt8(ascii: "0")
      case .hardLink: UInt8(ascii: "1")
      case .symbolicLink: UInt8(ascii: "2")
      case .characterDevice: UInt8(ascii: "3")
      case .blockDevice: UInt8(ascii: "4")
      case .directory: UInt8(ascii: "5")
      case .fifo: UInt8(ascii: "6")
      }
    return header
  }

  /// What the header itself cannot say.
  private static func records(of entry: TarEntry, _ header: TarHeader) -> [UInt8] {
    var lines: [UInt8] = []
    func add(_ key: String, _ value: some Collection<UInt8>) {
      lines += PaxRecords.encode(key: Array(key.utf8), value: Array(value))
    }
    let isText = [entry.path, entry.linkTarget].allSatisfy {
      String(validating: $0, as: UTF8.self) != nil
    }
    let isSparse = entry.kind == .file && entry.dataRanges != nil
    if header.name != entry.path, !isSparse { add("path", entry.path) }
    if header.linkName != entry.linkTarget { add("linkpath", entry.linkTarget) }
    if !isText, !lines.isEmpty { lines = PaxRecords.encode("hdrcharset", "BINARY") + lines }
    if header.byteCount > TarHeader.octalMax(fieldByteCount: 12) {
      add("size", String(header.byteCount).utf8)
    }
    if header.userID > TarHeader.octalMax(fieldByteCount: 8) {
      add("uid", String(entry.userID).utf8)
    }
    if header.groupID > TarHeader.octalMax(fieldByteCount: 8) {
      add("gid", String(entry.groupID).utf8)
    }
    if entry.modified != header.modified * 1_000_000_000
      || UInt64(header.modified) > TarHeader.octalMax(fieldByteCount: 12)
    {
      add("mtime", decimal(nanoseconds: entry.modified).utf8)
    }
    if let accessed = entry.accessed { add("atime", decimal(nanoseconds: accessed).utf8) }
    for attribute in entry.attributes {
      lines += PaxRecords.encode(
        key: Array("SCHILY.xattr.".utf8) + PaxRecords.escape(attribute.name),
        value: attribute.value)
    }
    if isSparse {
      add("GNU.sparse.major", "1".utf8)
      add("GNU.sparse.minor", "0".utf8)
      add("GNU.sparse.name", entry.path)
      add("GNU.sparse.realsize", String(entry.byteCount).utf8)
    }
    return lines
  }

  private mutating func writeExtended(
    _ records: [UInt8], for header: TarHeader
  ) throws(StoreError) {
    var extended = header
    extended.type = UInt8(ascii: "x")
    extended.name = TarWriter.cut(Array("PaxHeaders/".utf8) + header.name)
    extended.linkName = []
    extended.mode = 0o644
    extended.byteCount = UInt64(records.count)
    extended.deviceMajor = 0
    extended.deviceMinor = 0
    try write(extended.encode())
    try write(records + [UInt8](repeating: 0, count: (512 - records.count % 512) % 512))
  }

  private static func cut(_ name: [UInt8]) -> [UInt8] { Array(name.prefix(100)) }

  private static func decimal(nanoseconds: Int64) -> String {
    let magnitude = nanoseconds.magnitude
    let fraction = String(magnitude % 1_000_000_000)
    let zeros = String(repeating: "0", count: 9 - fraction.count)
    return "\(nanoseconds < 0 ? "-" : "")\(magnitude / 1_000_000_000).\(zeros)\(fraction)"
  }

  private static func encodeMap(_ dataRanges: [Range<UInt64>], byteCount: UInt64) -> [UInt8] {
    // An empty range at the end is how GNU tar learns of a hole there.
    let ranges = dataRanges + [byteCount..<byteCount]
    var map = Array("\(ranges.count)\n".utf8)
    for range in ranges {
      map += "\(range.lowerBound)\n\(range.upperBound - range.lowerBound)\n".utf8
    }
    map += repeatElement(0, count: (512 - map.count % 512) % 512)
    return map
  }

  // MARK: Bytes

  private mutating func endData() throws(StoreError) {
    guard paddingByteCount > 0 else { return }
    try write([UInt8](repeating: 0, count: paddingByteCount))
    paddingByteCount = 0
  }

  private func write(_ bytes: [UInt8]) throws(StoreError) {
    try bytes.withUnsafeBufferPointer { buffer throws(StoreError) in
      try output.write(UnsafeRawBufferPointer(buffer))
    }
  }
}

extension PaxRecords {
  fileprivate static func encode(_ key: String, _ value: String) -> [UInt8] {
    encode(key: Array(key.utf8), value: Array(value.utf8))
  }
}
