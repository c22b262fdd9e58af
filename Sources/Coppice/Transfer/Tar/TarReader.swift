internal import CoppicePlatform

/// Reads a tar stream member by member: ustar, pax, GNU and seventh edition archives, with
/// extended attributes and sparse files of all GNU formats.
///
/// Memory is bounded whatever the archive says: a member's data is read by the caller piece by
/// piece, extended headers are limited. An archive must end with a block of zeros, so a stream
/// that was cut is always noticed.
package struct TarReader {
  private static let blockByteCount = TarHeader.byteCount
  /// Ranges of data of one sparse file.
  package static let sparseRangeCountMax: UInt64 = 1 << 20

  private var input: TarInput
  private let object: String
  private var global = PaxRecords()
  private var isAtStart = true
  /// What is left of the current member: ranges of data, and bytes to skip behind them.
  private var ranges: ArraySlice<Range<UInt64>> = []
  private var paddingByteCount: UInt64 = 0
  private var currentPath = ""

  /// `object` names the stream in errors.
  package init(_ source: any TransferInput, object: String) {
    input = TarInput(source)
    self.object = object
  }

  /// The next contiguous piece of the current member's data that has not been read.
  package var nextData: Range<UInt64>? { ranges.first }

  /// Where in the stream the next data of the current member lies.
  package var dataOffset: UInt64 { input.offset }

  /// Reads data of the current member from the start of `nextData`, at most to its end.
  package mutating func readData(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(StoreError) -> Int {
    guard let range = ranges.first else { return 0 }
    let count = Int(min(UInt64(buffer.count), UInt64(range.count)))
    try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), what: "data")
    let start = range.lowerBound + UInt64(count)
    if start == range.upperBound {
      ranges.removeFirst()
    } else {
      ranges[ranges.startIndex] = start..<range.upperBound
    }
    return count
  }

  /// The next member; what was not read of the one before is skipped. `nil` at the end.
  package mutating func next() throws(StoreError) -> TarEntry? {
    try skipRest()
    var extended = PaxRecords()
    var longName: [UInt8]?
    var longLink: [UInt8]?
    while let header = try nextHeader() {
      switch header.type {
      case UInt8(ascii: "x"), UInt8(ascii: "X"):
        let data = try readExtension(header, limit: PaxRecords.byteCountMax)
        try decode(data, into: &extended)
      case UInt8(ascii: "g"):
        let data = try readExtension(header, limit: PaxRecords.byteCountMax)
        try decode(data, into: &global)
      case UInt8(ascii: "L"):
        longName = text(try readExtension(header, limit: PaxRecords.byteCountMax))
      case UInt8(ascii: "K"):
        longLink = text(try readExtension(header, limit: PaxRecords.byteCountMax))
      case UInt8(ascii: "V"):
        _ = try readExtension(header, limit: PaxRecords.byteCountMax)
      default:
        var header = header
        if let longName { header.name = longName }
        if let longLink { header.linkName = longLink }
        return try begin(header, records: extended.over(global))
      }
    }
    return nil
  }

  // MARK: Headers

  /// `nil` at the end of the archive.
  private mutating func nextHeader() throws(StoreError) -> TarHeader? {
    var block = [UInt8](repeating: 0, count: Self.blockByteCount)
    try fill(&block, what: "a header")
    let (isEnd, decoded) = block.withUnsafeBytes {
      bytes -> (Bool, Result<TarHeader, TarError>?) in
      if TarHeader.isEnd(bytes) { return (true, nil) }
      do throws(TarError) {
        return (false, .success(try TarHeader(decoding: bytes)))
      } catch {
        return (false, .failure(isAtStart ? Self.recognize(bytes) : error))
      }
    }
    isAtStart = false
    if isEnd {
      try drain()
      return nil
    }
    switch decoded {
    case .success(let header): return header
    case .failure(let error): throw failure(error)
    case nil: return nil
    }
  }

  /// What a stream that does not begin with a header is.
  private static func recognize(_ block: UnsafeRawBufferPointer) -> TarError {
    let programs: [(magic: [UInt8], program: String)] = [
      ([0x1F, 0x8B], "gzip"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz"), (Array("BZh".utf8), "bzip2"),
      ([0x04, 0x22, 0x4D, 0x18], "lz4"),
    ]
    let match = programs.first { block.starts(with: $0.magic) }
    return match.map { .compressed(program: $0.program) } ?? .notTar
  }

  /// Reads what follows the first block of zeros, so that the writer can finish; padding only.
  private mutating func drain() throws(StoreError) {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = try read(&bytes)
      guard bytes[..<count].allSatisfy({ $0 == 0 }) else { throw failure(.trailingBytes) }
      if count < bytes.count { return }
    }
  }

  private mutating func readExtension(
    _ header: TarHeader, limit: UInt64
  ) throws(StoreError) -> [UInt8] {
    guard header.byteCount <= limit else {
      throw failure(
        .tooLong(what: "an extended header", byteCount: header.byteCount, limit: limit))
    }
    var data = [UInt8](repeating: 0, count: Int(header.byteCount))
    try fill(&data, what: "an extended header")
    try skip(Self.padding(header.byteCount), what: "an extended header")
    return data
  }

  private func decode(_ data: [UInt8], into records: inout PaxRecords) throws(StoreError) {
    var decoded = records
    try wrap { () throws(TarError) in
      try data.withUnsafeBufferPointer { bytes throws(TarError) in
        try decoded.decode(UnsafeRawBufferPointer(bytes))
      }
    }
    records = decoded
  }

  private func text(_ data: [UInt8]) -> [UInt8] { Array(data.prefix { $0 != 0 }) }

  // MARK: Members

  private mutating func begin(
    _ header: TarHeader, records: PaxRecords
  ) throws(StoreError) -> TarEntry {
    currentPath = ByteText.text(header.name)
    var (entry, storedByteCount) = try wrap { () throws(TarError) in
      try TarReader.member(header, records)
    }
    currentPath = ByteText.text(entry.path)
    paddingByteCount = Self.padding(storedByteCount)
    guard entry.kind == .file else {
      paddingByteCount += storedByteCount
      return entry
    }
    if let sparse = header.sparse {
      entry.byteCount = sparse.byteCount
      entry.dataRanges = try readGNURanges(sparse)
    } else if records.isSparseMapInData {
      let (ranges, mapByteCount) = try readMap(storedByteCount)
      entry.dataRanges = ranges
      storedByteCount -= mapByteCount
    }
    entry.dataRanges?.removeAll { $0.isEmpty }
    ranges = (entry.dataRanges ?? [0..<entry.byteCount]).filter { !$0.isEmpty }[...]
    try wrap { () throws(TarError) in
      guard TarReader.isValid(ranges, byteCount: entry.byteCount, stored: storedByteCount) else {
        throw .badSparseMap
      }
    }
    return entry
  }

  /// The member that a header and its records describe, and how many bytes of data follow.
  private static func member(
    _ header: TarHeader, _ records: PaxRecords
  ) throws(TarError) -> (TarEntry, UInt64) {
    let path = records["GNU.sparse.name"] ?? records["path"] ?? header.name
    guard !path.isEmpty else { throw .emptyPath }
    var entry = TarEntry(kind: try kind(header, path: path), path: path)
    entry.linkTarget = records["linkpath"] ?? header.linkName
    entry.mode = header.mode
    entry.userID = try word(records.count("uid") ?? header.userID, "uid")
    entry.groupID = try word(records.count("gid") ?? header.groupID, "gid")
    entry.modified =
      try records.nanoseconds("mtime")
      ?? StoredTime.nanoseconds(seconds: header.modified)
    entry.accessed = try records.nanoseconds("atime")
    entry.deviceMajor = try word(
      records.count("SCHILY.devmajor") ?? UInt64(header.deviceMajor), "devmajor")
    entry.deviceMinor = try word(
      records.count("SCHILY.devminor") ?? UInt64(header.deviceMinor), "devminor")
    entry.attributes = records.attributes
    entry.ignoredRecords = records.keys.filter { $0.hasPrefix("SCHILY.acl.") }.sorted()
    // The byte count of a hard link's header is that of the file it equals.
    let stored = entry.kind == .hardLink ? 0 : try records.count("size") ?? header.byteCount
    guard stored <= UInt64(Int64.max) else { throw .badNumber(field: "size") }
    if entry.kind == .file {
      entry.byteCount = try records.sparseByteCount() ?? stored
      entry.dataRanges = try records.sparseMap()
    }
    return (entry, stored)
  }

  private static func word(_ value: UInt64, _ field: String) throws(TarError) -> UInt32 {
    guard let word = UInt32(exactly: value) else { throw .badNumber(field: field) }
    return word
  }

  private static func kind(
    _ header: TarHeader, path: [UInt8]
  ) throws(TarError) -> TarEntry.Kind {
    switch header.type {
    case UInt8(ascii: "0"), UInt8(ascii: "7"):
      // The seventh edition had no type for directories.
      path.last == UInt8(ascii: "/") ? .directory : .file
    case UInt8(ascii: "S"): .file
    case UInt8(ascii: "1"): .hardLink
    case UInt8(ascii: "2"): .symbolicLink
    case UInt8(ascii: "3"): .characterDevice
    case UInt8(ascii: "4"): .blockDevice
    case UInt8(ascii: "5"), UInt8(ascii: "D"): .directory
    case UInt8(ascii: "6"): .fifo
    default: throw .unsupportedType(header.type)
    }
  }

  // MARK: Sparse files

  /// Ranges ascend, lie in the file and hold as many bytes as the archive does.
  private static func isValid(
    _ ranges: ArraySlice<Range<UInt64>>, byteCount: UInt64, stored: UInt64
  ) -> Bool {
    var end: UInt64 = 0
    var sum: UInt64 = 0
    for range in ranges {
      guard range.lowerBound >= end, range.upperBound <= byteCount else { return false }
      end = range.upperBound
      sum += range.upperBound - range.lowerBound
    }
    return sum == stored
  }

  private mutating func readGNURanges(
    _ sparse: TarHeader.Sparse
  ) throws(StoreError) -> [Range<UInt64>] {
    var ranges = sparse.ranges
    var isContinued = sparse.isContinued
    var block = [UInt8](repeating: 0, count: Self.blockByteCount)
    while isContinued {
      try checkRangeCount(UInt64(ranges.count))
      try fill(&block, what: "a list of data ranges")
      let more = try wrap { () throws(TarError) in
        try block.withUnsafeBufferPointer { bytes throws(TarError) in
          try TarHeader.decodeSparseExtension(UnsafeRawBufferPointer(bytes))
        }
      }
      ranges += more.ranges
      isContinued = more.isContinued
    }
    return ranges
  }

  /// The map of GNU's sparse format 1.0: lines of decimal numbers before the data, padded to a
  /// block: how many ranges, then offset and byte count of each.
  private mutating func readMap(
    _ storedByteCount: UInt64
  ) throws(StoreError) -> (ranges: [Range<UInt64>], byteCount: UInt64) {
    var block = [UInt8](repeating: 0, count: Self.blockByteCount)
    var used: UInt64 = 0
    var rest: ArraySlice<UInt8> = []
    func malformed() -> StoreError { failure(.badSparseMap) }

    var numbers: [UInt64] = []
    var digits: [UInt8] = []
    while numbers.first.map({ UInt64(numbers.count) < 1 + 2 * $0 }) ?? true {
      if rest.isEmpty {
        guard used + 512 <= storedByteCount else { throw malformed() }
        try fill(&block, what: "a list of data ranges")
        used += 512
        rest = block[...]
      }
      let byte = rest.removeFirst()
      if byte != UInt8(ascii: "\n") {
        digits.append(byte)
        guard digits.count <= 20 else { throw malformed() }
        continue
      }
      guard let number = PaxRecords.decimal(digits), number <= UInt64(Int64.max) else {
        throw malformed()
      }
      numbers.append(number)
      digits.removeAll(keepingCapacity: true)
      try checkRangeCount(numbers[0])
    }
    var ranges: [Range<UInt64>] = []
    for index in stride(from: 1, to: numbers.count, by: 2) {
      ranges.append(numbers[index]..<numbers[index] + numbers[index + 1])
    }
    return (ranges, used)
  }

  private func checkRangeCount(_ count: UInt64) throws(StoreError) {
    guard count <= Self.sparseRangeCountMax else {
      throw failure(
        .tooLong(
          what: "a list of data ranges", byteCount: count * 24,
          limit: Self.sparseRangeCountMax * 24))
    }
  }

  // MARK: Bytes

  private mutating func skipRest() throws(StoreError) {
    let data = ranges.reduce(0 as UInt64) { $0 + $1.upperBound - $1.lowerBound }
    ranges = []
    try skip(data + paddingByteCount, what: "data")
    paddingByteCount = 0
  }

  private mutating func skip(_ byteCount: UInt64, what: String) throws(StoreError) {
    var rest = input.skip(byteCount)
    guard rest > 0 else { return }
    var scratch = [UInt8](repeating: 0, count: Int(min(rest, 256 << 10)))
    while rest > 0 {
      let count = Int(min(rest, UInt64(scratch.count)))
      scratch.removeLast(scratch.count - count)
      try fill(&scratch, what: what)
      rest -= UInt64(count)
    }
  }

  private mutating func fill(_ bytes: inout [UInt8], what: String) throws(StoreError) {
    let count = try read(&bytes)
    guard count == bytes.count else { throw endedEarly(what, missing: bytes.count - count) }
  }

  private mutating func fill(
    _ buffer: UnsafeMutableRawBufferPointer, what: String
  ) throws(StoreError) {
    let count = try input.read(into: buffer)
    guard count == buffer.count else { throw endedEarly(what, missing: buffer.count - count) }
  }

  private mutating func read(_ bytes: inout [UInt8]) throws(StoreError) -> Int {
    try bytes.withUnsafeMutableBufferPointer { buffer throws(StoreError) in
      try input.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  private static func padding(_ byteCount: UInt64) -> UInt64 {
    (512 - byteCount % 512) % 512
  }

  // MARK: Errors

  private func wrap<T>(_ body: () throws(TarError) -> T) throws(StoreError) -> T {
    do throws(TarError) {
      return try body()
    } catch {
      throw failure(error)
    }
  }

  private func failure(_ error: TarError) -> StoreError {
    var remedy: Remedy = "nothing was imported; check how the stream was made"
    if case .compressed(let program) = error {
      remedy = "unpack it first, for example with '\(program) -dc'"
    }
    return StoreError(.invalid, "\(error)", object: object, remedy: remedy, cause: place)
  }

  private func endedEarly(_ what: String, missing: Int) -> StoreError {
    let message =
      input.offset == 0
      ? "the stream is empty" : "the stream ends early, within \(what)"
    return StoreError(
      .invalid, message, object: object,
      remedy: "nothing was imported; make the stream again and check its writer's exit status",
      cause: place)
  }

  private var place: String {
    let member = currentPath.isEmpty ? "" : ", at member '\(currentPath)'"
    return "byte \(input.offset)\(member)"
  }
}
