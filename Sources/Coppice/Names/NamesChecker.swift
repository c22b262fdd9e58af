internal import CoppiceFormat
internal import CoppicePlatform

/// Reads a whole names tree and says what is wrong with it.
///
/// Checked are every page by itself, the order of keys across pages, the header's counts, overflow
/// chains, and that each page has exactly one use.
package struct NamesChecker {
  private let pages: any NamesPages
  private var isUsed: [Bool]
  private var cellCount: UInt64 = 0
  private(set) var findings: [String] = []

  /// Returns one sentence for each thing found wrong; empty for a sound tree.
  package static func check(_ pages: some NamesPages) -> [String] {
    var checker = NamesChecker(pages)
    checker.run()
    return checker.findings
  }

  private init(_ pages: any NamesPages) {
    self.pages = pages
    isUsed = []
  }

  private mutating func run() {
    let header = pages.header
    use(0)
    visit(header.root, level: header.depth - 1, from: [], to: nil)
    if cellCount != header.cellCount {
      report(0, "says \(header.cellCount) keys, the leaves hold \(cellCount)")
    }
    visitFreePages()
    let lost = (0..<Int(header.pageCount)).filter { !isUsed.indices.contains($0) || !isUsed[$0] }
    for page in lost.prefix(10) { report(UInt32(page), "is neither in use nor free") }
  }

  private mutating func report(_ page: UInt32, _ what: String) {
    findings.append("names page \(page) \(what)")
  }

  /// Returns whether the page was not in use yet.
  @discardableResult
  private mutating func use(_ page: UInt32) -> Bool {
    guard page < pages.header.pageCount else {
      report(page, "lies beyond the last page")
      return false
    }
    while isUsed.count <= Int(page) { isUsed.append(false) }
    if isUsed[Int(page)] {
      report(page, "has two uses")
      return false
    }
    isUsed[Int(page)] = true
    return true
  }

  private mutating func visit(_ page: UInt32, level: Int, from low: [UInt8], to high: [UInt8]?) {
    guard use(page) else { return }
    do throws(StoreError) {
      let image = try pages.image(of: page)
      let cells = try image.decode(page) { view throws(FormatError) -> [NamesNewCell] in
        try view.validate()
        guard view.level == level else { throw .malformed(what: "names page level") }
        var cells: [NamesNewCell] = []
        for index in 0..<view.cellCount { cells.append(NamesNewCell(try view.cell(at: index))) }
        return cells
      }
      if level == 0 {
        visitLeaf(cells, page, from: low, to: high)
      } else {
        try visitChildren(cells, page, level: level, from: low, to: high)
      }
    } catch {
      report(page, "cannot be read: \(error.cause ?? error.message)")
    }
  }

  private mutating func visitLeaf(
    _ cells: [NamesNewCell], _ page: UInt32, from low: [UInt8], to high: [UInt8]?
  ) {
    cellCount += UInt64(cells.count)
    for cell in cells {
      check(cell.key, page, from: low, to: high)
      do throws(FormatError) {
        _ = try NamesKey(bytes: cell.key).decode()
      } catch {
        report(page, "holds a key of no known sort")
      }
      if cell.isOverflow { visitOverflow(cell, page) }
    }
  }

  private mutating func visitChildren(
    _ cells: [NamesNewCell], _ page: UInt32, level: Int, from low: [UInt8], to high: [UInt8]?
  ) throws(StoreError) {
    if cells.isEmpty { report(page, "has no children") }
    for (index, cell) in cells.enumerated() {
      if index > 0 { check(cell.key, page, from: low, to: high) }
      let child = try pages.image(of: page).decode(page) { view throws(FormatError) -> UInt32 in
        try view.child(at: index)
      }
      visit(
        child, level: level - 1, from: index == 0 ? low : cell.key,
        to: index + 1 < cells.count ? cells[index + 1].key : high)
    }
  }

  private mutating func check(
    _ key: [UInt8], _ page: UInt32, from low: [UInt8], to high: [UInt8]?
  ) {
    let key = NamesKey(bytes: key)
    let isBelow = high.map { key < NamesKey(bytes: $0) } ?? true
    if key < NamesKey(bytes: low) || !isBelow {
      report(page, "holds a key outside of its bounds")
    }
  }

  private mutating func visitOverflow(_ cell: NamesNewCell, _ page: UInt32) {
    var chain: [UInt32] = []
    do throws(StoreError) {
      let image = try pages.image(of: page)
      try withExtendedLifetime(image) { () throws(StoreError) in
        let stored = try image.decode(page) { view throws(FormatError) -> NamesPage.Cell in
          try cell.key.withBytes { key throws(FormatError) in
            try view.cell(at: view.search(key).index)
          }
        }
        try pages.forEachOverflowPage(of: stored, in: page) { page, _ in chain.append(page) }
        try pages.withValue(of: stored, in: page) { _ in }
      }
    } catch {
      report(page, "refers to a value that cannot be read: \(error.cause ?? error.message)")
    }
    for page in chain { use(page) }
  }

  private mutating func visitFreePages() {
    var page = pages.header.firstFreePage
    var count: UInt32 = 0
    while page != 0, count < pages.header.pageCount {
      guard use(page) else { return }
      count += 1
      do throws(StoreError) {
        page = try pages.image(of: page).decode(page) { view throws(FormatError) -> UInt32 in
          guard view.kind == .free else { throw .malformed(what: "names free page") }
          return view.next
        }
      } catch {
        report(page, "is in the list of free pages, but is not free")
        return
      }
    }
    if count != pages.header.freePageCount {
      report(0, "says \(pages.header.freePageCount) free pages, the list holds \(count)")
    }
  }
}
