package import CoppiceEngine
package import CoppiceFormat
internal import CoppicePlatform

/// Changes to the names tree, on private copies of its pages.
///
/// Used by one thread while the writer's lock is held, so the tree underneath stands still. Nothing
/// is visible to others until the operations are committed and the cache takes the new pages.
package final class NamesTransaction: NamesPages {
  private let base: CommittedNames
  /// As page 0 will say.
  package var header: NamesTreeHeader
  /// Pages changed by this transaction, and what they were before; new ones have no before.
  private var pages: [UInt32: NamesImage] = [:]
  private var originals: [UInt32: NamesImage] = [:]

  /// Begins without changes.
  package init(base: CommittedNames) {
    self.base = base
    header = base.header
  }

  var pageByteCount: Int { header.pageByteCount }

  /// Bytes of the pages that it changes: its operations take no more than about that.
  var changedByteCount: Int { pages.count * pageByteCount }

  /// The page with the changes so far.
  package func image(of page: UInt32) throws(StoreError) -> NamesImage {
    if let image = pages[page] { return image }
    return try base.image(of: page)
  }

  /// A key on its way into the tree: where each page of the descent continues, the leaf last.
  struct Step {
    var page: UInt32
    var index: Int
  }

  // MARK: Changing keys

  /// Stores a value under a key, in place of an older one.
  package func put(_ key: NamesKey, _ value: [UInt8]) throws(StoreError) {
    precondition(key.bytes.count <= NamesKey.byteCountMax)
    precondition(value.count <= NamesOverflow.valueByteCountMax)
    let (path, isFound) = try descend(to: key)
    guard let leaf = path.last else { return }
    if isFound {
      try freeOverflow(at: leaf)
    } else {
      header.cellCount += 1
    }
    let stored = try store(value, keyByteCount: key.bytes.count)
    let cell = NamesNewCell(key: key.bytes, value: stored.bytes, isOverflow: stored.isOverflow)
    let editor = try edit(leaf.page)
    if isFound {
      if editor.fitsReplacing(
        at: leaf.index, keyByteCount: cell.key.count, valueByteCount: cell.value.count)
      {
        cell.withBytes { key, value in
          editor.replaceValue(
            at: leaf.index, key: key, value: value, isOverflow: cell.isOverflow)
        }
        return
      }
      editor.remove(at: leaf.index)
    }
    try insert(cell, path)
  }

  /// Returns whether the key was there.
  @discardableResult
  package func remove(_ key: NamesKey) throws(StoreError) -> Bool {
    let (path, isFound) = try descend(to: key)
    guard isFound, let leaf = path.last else { return false }
    try freeOverflow(at: leaf)
    try edit(leaf.page).remove(at: leaf.index)
    header.cellCount -= 1
    try rebalance(path)
    return true
  }

  private func descend(to key: NamesKey) throws(StoreError) -> (path: [Step], isFound: Bool) {
    var path: [Step] = []
    var isFound = false
    var page = header.root
    for level in stride(from: header.depth - 1, through: 0, by: -1) {
      let (index, next) = try image(of: page).decode(page) {
        view throws(FormatError) -> (Int, UInt32) in
        guard view.level == level, view.kind == (level == 0 ? .leaf : .inner) else {
          throw .malformed(what: "names page level")
        }
        return try key.bytes.withBytes { bytes throws(FormatError) -> (Int, UInt32) in
          if level > 0 {
            let index = try view.childIndex(for: bytes)
            return (index, try view.child(at: index))
          }
          let found = try view.search(bytes)
          isFound = found.isFound
          return (found.index, 0)
        }
      }
      path.append(Step(page: page, index: index))
      page = next
    }
    return (path, isFound)
  }

  // MARK: Values beyond a cell

  private func store(
    _ value: [UInt8], keyByteCount: Int
  ) throws(StoreError) -> (bytes: [UInt8], isOverflow: Bool) {
    let inlineMax =
      NamesPage.cellByteCountMax(pageByteCount: pageByteCount) - NamesPage.cellHeaderByteCount
      - keyByteCount
    if value.count <= inlineMax { return (value, false) }
    let payload = pageByteCount - NamesPage.headerByteCount
    var chain: [UInt32] = []
    for _ in stride(from: 0, to: value.count, by: payload) { chain.append(try allocate()) }
    for (index, page) in chain.enumerated() {
      let next = index + 1 < chain.count ? chain[index + 1] : 0
      let start = index * payload
      let end = min(start + payload, value.count)
      let editor = try edit(page)
      value.withUnsafeBytes {
        editor.initializeOverflow(UnsafeRawBufferPointer(rebasing: $0[start..<end]), next: next)
      }
    }
    let overflow = value.withUnsafeBytes { NamesOverflow(of: $0, firstPage: chain[0]) }
    return (overflow.encode(), true)
  }

  private func freeOverflow(at leaf: Step) throws(StoreError) {
    let image = try image(of: leaf.page)
    try withExtendedLifetime(image) { () throws(StoreError) in
      let cell = try image.decode(leaf.page) { view throws(FormatError) -> NamesPage.Cell in
        try view.cell(at: leaf.index)
      }
      guard cell.isOverflow else { return }
      var chain: [UInt32] = []
      try forEachOverflowPage(of: cell, in: leaf.page) { page, _ in chain.append(page) }
      for page in chain.reversed() { try free(page) }
    }
  }

  // MARK: Pages

  /// The private copy of a page, made and validated when first asked for.
  func edit(_ page: UInt32) throws(StoreError) -> NamesPageEditor {
    if let image = pages[page] { return NamesPageEditor(image.contents) }
    let original = try base.image(of: page)
    try original.validate(as: page)
    let image = NamesImage(copying: original)
    originals[page] = original
    pages[page] = image
    return NamesPageEditor(image.contents)
  }

  /// A page that nothing uses: a free one, or a new one at the end.
  func allocate() throws(StoreError) -> UInt32 {
    guard header.firstFreePage != 0 else {
      let page = header.pageCount
      guard page < UInt32.max else {
        throw StoreError(.full, "the tree of names has its largest number of pages")
      }
      header.pageCount += 1
      pages[page] = NamesImage(pageByteCount: pageByteCount)
      return page
    }
    let page = header.firstFreePage
    let next = try image(of: page).decode(page) { view throws(FormatError) -> UInt32 in
      guard view.kind == .free, view.next < header.pageCount,
        (view.next == 0) == (header.freePageCount == 1)
      else { throw .malformed(what: "names free page") }
      return view.next
    }
    header.firstFreePage = next
    header.freePageCount -= 1
    _ = try edit(page)
    return page
  }

  func free(_ page: UInt32) throws(StoreError) {
    guard page != 0, page < header.pageCount else {
      throw .damagedNames(page, .malformed(what: "names page number"))
    }
    try edit(page).initializeFree(next: header.firstFreePage)
    header.firstFreePage = page
    header.freePageCount += 1
  }

  // MARK: The end

  /// Adds the writes that turn the old pages into the new ones; returns what the cache shall hold.
  package func finish(into operations: inout Transaction) throws(StoreError) -> NamesChanges? {
    guard !pages.isEmpty || header != base.header else { return nil }
    _ = try editHeader()
    for page in pages.keys.sorted() {
      guard let image = pages[page] else { continue }
      NamesDifference.append(page, from: originals[page], to: image, into: &operations)
    }
    return NamesChanges(header: header, pages: pages)
  }

  private func editHeader() throws(StoreError) {
    let original = try base.image(of: 0)
    let image = NamesImage(copying: original)
    header.encode(into: image.contents)
    originals[0] = original
    pages[0] = image
    // A tree that is not stored yet is stored as a whole.
    if !original.isStored, pages[1] == nil {
      let leaf = try base.image(of: 1)
      originals[1] = leaf
      pages[1] = NamesImage(copying: leaf)
    }
  }
}

/// A cell that is not in a page yet.
struct NamesNewCell: Hashable {
  var key: [UInt8]
  var value: [UInt8]
  var isOverflow: Bool

  var byteCount: Int { NamesPage.cellHeaderByteCount + key.count + value.count }

  init(key: [UInt8], value: [UInt8], isOverflow: Bool) {
    self.key = key
    self.value = value
    self.isOverflow = isOverflow
  }

  /// The cell of an inner page.
  init(key: [UInt8], child: UInt32) {
    self.key = key
    value = (0..<4).map { UInt8(truncatingIfNeeded: child >> (8 * UInt32($0))) }
    isOverflow = false
  }

  init(_ cell: NamesPage.Cell) {
    key = Array(cell.key)
    value = Array(cell.value)
    isOverflow = cell.isOverflow
  }

  func withBytes(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
    key.withUnsafeBytes { key in value.withUnsafeBytes { value in body(key, value) } }
  }
}
