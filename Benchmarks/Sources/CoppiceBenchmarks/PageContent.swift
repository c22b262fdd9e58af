/// 8 KiB pages as a database writes them: rows of words, hashes, numbers and timestamps.
enum PageContent {
  static let byteCount = 8192

  private static let words = [
    "account", "address", "amount", "balance", "because", "billing", "branch", "cancel", "change",
    "client", "company", "contract", "customer", "delivered", "deposit", "discount", "expired",
    "figure", "garden", "history", "invoice", "january", "kitchen", "language", "letter", "market",
    "measure", "message", "missing", "morning", "number", "office", "order", "package", "partner",
    "payment", "person", "please", "price", "product", "quality", "quarter", "question", "receipt",
    "refund", "region", "report", "return", "school", "season", "service", "shipping", "silver",
    "station", "street", "summer", "supply", "ticket", "travel", "update", "village", "warehouse",
    "weather", "yesterday",
  ].map { Array($0.utf8) }

  private static let digits = Array("0123456789abcdef".utf8)

  /// Fills one page.
  static func fill(_ page: UnsafeMutableRawBufferPointer, _ random: inout Random) {
    var place = 24
    page.initializeMemory(as: UInt8.self, repeating: 0)
    page.storeBytes(of: random.next() & 0xFFFF_FFFF_FFFF, as: UInt64.self)
    func put(_ bytes: some Sequence<UInt8>) {
      for byte in bytes where place < page.count {
        page[place] = byte
        place += 1
      }
    }
    var time = 650_000_000_000_000 + random.next() % 1_000_000_000_000
    var row = random.next() % 1_000_000
    while place < page.count - 160 {
      time += random.next() % 90_000_000
      row += 1
      put([UInt8](repeating: 0, count: 8))
      withUnsafeBytes(of: row.littleEndian) { put($0) }
      withUnsafeBytes(of: time.littleEndian) { put($0) }
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: random.next() % 90_000)) { put($0) }
      for _ in 0..<random.next(below: 6) + 3 {
        put(words[random.next(below: words.count)])
        put([32])
      }
      var hash = (random.next(), random.next())
      for _ in 0..<16 {
        put([digits[Int(hash.0 & 15)], digits[Int(hash.1 & 15)]])
        hash = (hash.0 >> 4, hash.1 >> 4)
      }
    }
  }

  /// Changes a page as one removed row does: those behind it move, by a multiple of 8 bytes.
  static func compact(_ page: UnsafeMutableRawBufferPointer, _ random: inout Random) {
    page.storeBytes(of: random.next() & 0xFFFF_FFFF_FFFF, as: UInt64.self)
    let byteCount = 8 * (10 + random.next(below: 10))
    let place = 24 + 8 * random.next(below: page.count / 16)
    let rest = UnsafeMutableRawBufferPointer(rebasing: page[place...])
    rest.copyMemory(from: UnsafeRawBufferPointer(rebasing: page[(place + byteCount)...]))
    UnsafeMutableRawBufferPointer(rebasing: page[(page.count - byteCount)...])
      .initializeMemory(as: UInt8.self, repeating: 0)
  }

  static func fillNoise(_ bytes: UnsafeMutableRawBufferPointer, _ random: inout Random) {
    for offset in stride(from: 0, to: bytes.count, by: 8) {
      bytes.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
    }
  }

  /// Changes a page as one updated row does: some numbers, a timestamp, the page's LSN.
  static func update(_ page: UnsafeMutableRawBufferPointer, _ random: inout Random) {
    page.storeBytes(of: random.next() & 0xFFFF_FFFF_FFFF, as: UInt64.self)
    let row = random.next(below: page.count / 8 - 16)
    for word in 0..<3 {
      page.storeBytes(of: random.next(), toByteOffset: (row + word * 4) * 8, as: UInt64.self)
    }
  }
}

/// Memory for pages, aligned to pages. Used by one thread at a time.
final class PageMemory: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  init(pageCount: Int = 1) {
    bytes = .allocate(byteCount: pageCount * PageContent.byteCount, alignment: 4096)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { bytes.deallocate() }

  var pageCount: Int { bytes.count / PageContent.byteCount }

  subscript(page: Int) -> UnsafeMutableRawBufferPointer {
    let start = page * PageContent.byteCount
    return UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + PageContent.byteCount])
  }

  /// Many different pages to write from.
  static func filled(pageCount: Int, seed: UInt64) -> PageMemory {
    let memory = PageMemory(pageCount: pageCount)
    var random = Random(seed)
    for page in 0..<pageCount { PageContent.fill(memory[page], &random) }
    return memory
  }
}
