package import CoppiceFormat
internal import CoppicePlatform

/// The pages of one state of the names tree: what searching and walking need.
///
/// The walks take nothing on trust: a damaged tree ends them with `corrupt`.
package protocol NamesPages {
  var header: NamesTreeHeader { get }
  func image(of page: UInt32) throws(StoreError) -> NamesImage
}

extension NamesPages {
  /// The value of a key, through `decode`; `nil` without the key. O(log n).
  package func lookup<Result>(
    _ key: NamesKey, _ decode: (UnsafeRawBufferPointer) throws(FormatError) -> Result
  ) throws(StoreError) -> Result? {
    let page = try leaf(for: key)
    let image = try image(of: page)
    return try withExtendedLifetime(image) { () throws(StoreError) -> Result? in
      let found = try image.decode(page) { view throws(FormatError) -> NamesPage.Cell? in
        try key.bytes.withBytes { bytes throws(FormatError) -> NamesPage.Cell? in
          let (index, isFound) = try view.search(bytes)
          return isFound ? try view.cell(at: index) : nil
        }
      }
      guard let found else { return nil }
      return try withValue(of: found, in: page, decode)
    }
  }

  /// Whether the tree has the key. O(log n).
  package func contains(_ key: NamesKey) throws(StoreError) -> Bool {
    try lookup(key) { _ in true } ?? false
  }

  /// Calls `body` with every key from `start` on that begins with `prefix`, in order, until it
  /// returns `false`. The cell is valid during the call only.
  package func walk(
    prefix: NamesKey, from start: NamesKey? = nil,
    _ body: (NamesPage.Cell, _ page: UInt32) throws(StoreError) -> Bool
  ) throws(StoreError) {
    let first = start ?? prefix
    _ = try walk(header.root, level: header.depth - 1, from: first) {
      (cell, page) throws(StoreError) -> Bool in
      guard cell.key.starts(with: prefix.bytes) else { return false }
      return try body(cell, page)
    }
  }

  private func walk(
    _ page: UInt32, level: Int, from start: NamesKey,
    _ body: (NamesPage.Cell, UInt32) throws(StoreError) -> Bool
  ) throws(StoreError) -> Bool {
    let image = try image(of: page)
    let range = try image.decode(page) { view throws(FormatError) -> Range<Int> in
      try check(view, level: level)
      let first = try start.bytes.withBytes { bytes throws(FormatError) -> Int in
        try level == 0 ? view.search(bytes).index : view.childIndex(for: bytes)
      }
      return first..<view.cellCount
    }
    return try withExtendedLifetime(image) { () throws(StoreError) -> Bool in
      for index in range {
        if level == 0 {
          let cell = try image.decode(page) { view throws(FormatError) -> NamesPage.Cell in
            try view.cell(at: index)
          }
          guard try body(cell, page) else { return false }
        } else {
          let child = try image.decode(page) { view throws(FormatError) -> UInt32 in
            try view.child(at: index)
          }
          guard try walk(child, level: level - 1, from: start, body) else { return false }
        }
      }
      return true
    }
  }

  /// The leaf that holds `key` if any does.
  func leaf(for key: NamesKey) throws(StoreError) -> UInt32 {
    var page = header.root
    for level in stride(from: header.depth - 1, to: 0, by: -1) {
      page = try image(of: page).decode(page) { view throws(FormatError) -> UInt32 in
        try check(view, level: level)
        return try key.bytes.withBytes { bytes throws(FormatError) -> UInt32 in
          try view.child(at: view.childIndex(for: bytes))
        }
      }
    }
    try image(of: page).decode(page) { view throws(FormatError) in try check(view, level: 0) }
    return page
  }

  private func check(_ view: NamesPage, level: Int) throws(FormatError) {
    guard view.kind == (level == 0 ? .leaf : .inner), view.level == level else {
      throw .malformed(what: "names page level")
    }
  }

  /// Runs `body` on a cell's value, collected from overflow pages if it lies there.
  package func withValue<Result>(
    of cell: NamesPage.Cell, in page: UInt32,
    _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Result
  ) throws(StoreError) -> Result {
    do throws(FormatError) {
      guard cell.isOverflow else { return try body(cell.value) }
    } catch {
      throw .damagedNames(page, error)
    }
    let value = try overflowValue(of: cell, in: page)
    do throws(FormatError) {
      return try value.withBytes(body)
    } catch {
      throw .damagedNames(page, error)
    }
  }

  private func overflowValue(
    of cell: NamesPage.Cell, in page: UInt32
  ) throws(StoreError) -> [UInt8] {
    var value: [UInt8] = []
    do throws(FormatError) {
      let overflow = try NamesOverflow(decoding: cell.value)
      value.reserveCapacity(overflow.valueByteCount)
    } catch {
      throw .damagedNames(page, error)
    }
    let overflow = try forEachOverflowPage(of: cell, in: page) { _, payload in
      value += payload
    }
    do throws(FormatError) {
      try value.withBytes { bytes throws(FormatError) in try overflow.verify(bytes) }
    } catch {
      throw .damagedNames(page, error)
    }
    return value
  }

  /// Follows the chain that a cell's value lies in, no further than the value's byte count.
  @discardableResult
  func forEachOverflowPage(
    of cell: NamesPage.Cell, in page: UInt32,
    _ body: (_ page: UInt32, _ payload: UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) -> NamesOverflow {
    let overflow: NamesOverflow
    do throws(FormatError) {
      overflow = try NamesOverflow(decoding: cell.value)
    } catch {
      throw .damagedNames(page, error)
    }
    var rest = overflow.valueByteCount
    var number = overflow.firstPage
    while rest > 0 {
      let image = try image(of: number)
      let (payload, next) = try image.decode(number) {
        view throws(FormatError) -> (UnsafeRawBufferPointer, UInt32) in
        let payload = try view.overflowPayload()
        guard !payload.isEmpty, payload.count <= rest else {
          throw .malformed(what: "names overflow page")
        }
        return (payload, view.next)
      }
      try withExtendedLifetime(image) { () throws(StoreError) in try body(number, payload) }
      rest -= payload.count
      number = next
    }
    return overflow
  }
}
