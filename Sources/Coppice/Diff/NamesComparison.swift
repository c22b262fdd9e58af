internal import CoppiceFormat

/// The keys at which two states of a names tree differ.
///
/// A key in a leaf that both states hold unchanged at the same page is in both; so only changed
/// leaves are read. A page that was freed has changed, and the cell of a value in overflow pages
/// changes with the value.
struct NamesComparison {
  /// Keys that are in only one state or have another value there, in no order.
  private(set) var removed: [NamesKey] = []
  private(set) var added: [NamesKey] = []
  private(set) var changed: [NamesKey] = []

  /// - Parameter pages: the pages of volume 0 that differ.
  init(
    _ old: CommittedNames, _ new: CommittedNames, pages: [Range<UInt64>]
  ) throws(StoreError) {
    var numbers: [UInt32] = [1]
    for range in pages {
      for page in range where page > 1 && page <= UInt64(UInt32.max) {
        numbers.append(UInt32(page))
      }
    }
    var before: [NamesKey: NamesNewCell] = [:]
    var after: [NamesKey: NamesNewCell] = [:]
    for page in numbers {
      try Self.collect(page, of: old, into: &before)
      try Self.collect(page, of: new, into: &after)
    }
    for (key, cell) in before {
      if let now = after[key] {
        if now != cell { changed.append(key) }
      } else {
        removed.append(key)
      }
    }
    for key in after.keys where before[key] == nil { added.append(key) }
  }

  private static func collect(
    _ page: UInt32, of names: CommittedNames, into cells: inout [NamesKey: NamesNewCell]
  ) throws(StoreError) {
    guard page < names.header.pageCount else { return }
    let found = try names.image(of: page).decode(page) {
      view throws(FormatError) -> [NamesNewCell] in
      guard view.kind == .leaf else { return [] }
      var found: [NamesNewCell] = []
      for index in 0..<view.cellCount { found.append(NamesNewCell(try view.cell(at: index))) }
      return found
    }
    for cell in found { cells[NamesKey(bytes: cell.key)] = cell }
  }
}
