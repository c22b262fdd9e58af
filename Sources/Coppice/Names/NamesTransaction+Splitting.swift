internal import CoppiceFormat

extension NamesTransaction {
  /// Puts a cell where `path` ends, splitting pages on the way up as far as they are full.
  func insert(_ cell: NamesNewCell, _ path: [Step]) throws(StoreError) {
    var cell = cell
    var path = path
    while let step = path.popLast() {
      let editor = try edit(step.page)
      if editor.fits(keyByteCount: cell.key.count, valueByteCount: cell.value.count) {
        cell.withBytes { key, value in
          editor.insert(at: step.index, key: key, value: value, isOverflow: cell.isOverflow)
        }
        return
      }
      let (separator, right) = try split(step.page, inserting: cell, at: step.index)
      cell = NamesNewCell(key: separator, child: right)
      if let parent = path.popLast() {
        path.append(Step(page: parent.page, index: parent.index + 1))
      } else {
        try growRoot(left: step.page, cell)
        return
      }
    }
  }

  private func growRoot(left: UInt32, _ right: NamesNewCell) throws(StoreError) {
    let root = try allocate()
    let editor = try edit(root)
    editor.initialize(level: header.depth)
    for (index, cell) in [NamesNewCell(key: [], child: left), right].enumerated() {
      cell.withBytes { key, value in
        editor.insert(at: index, key: key, value: value, isOverflow: false)
      }
    }
    header.root = root
    header.depth += 1
  }

  /// Moves the upper part of a page to a new one on its right; returns the lower bound of that
  /// one's keys. A cell that goes behind all others takes a page of its own, so that keys which
  /// arrive in order fill their pages.
  private func split(
    _ page: UInt32, inserting cell: NamesNewCell, at index: Int
  ) throws(StoreError) -> (separator: [UInt8], right: UInt32) {
    let image = try image(of: page)
    let level = Int(image.bytes[5])
    var cells = try image.decode(page) { view throws(FormatError) -> [NamesNewCell] in
      var cells: [NamesNewCell] = []
      for index in 0..<view.cellCount { cells.append(NamesNewCell(try view.cell(at: index))) }
      return cells
    }
    cells.insert(cell, at: index)
    let cut = index == cells.count - 1 ? index : Self.middle(of: cells)
    let separator =
      level == 0
      ? Self.separator(between: cells[cut - 1].key, and: cells[cut].key) : cells[cut].key
    if level > 0 { cells[cut].key = [] }

    let right = try allocate()
    let rightEditor = try edit(right)
    rightEditor.initialize(level: level)
    for (place, cell) in cells[cut...].enumerated() {
      cell.withBytes { key, value in
        rightEditor.insert(at: place, key: key, value: value, isOverflow: cell.isOverflow)
      }
    }
    let leftEditor = try edit(page)
    let keptCount = index < cut ? cut - 1 : cut
    for place in stride(from: leftEditor.cellCount - 1, through: keptCount, by: -1) {
      leftEditor.remove(at: place)
    }
    if index < cut {
      cell.withBytes { key, value in
        leftEditor.insert(at: index, key: key, value: value, isOverflow: cell.isOverflow)
      }
    }
    return (separator, right)
  }

  /// Where to cut so that both sides take about as many bytes, and at least one cell.
  private static func middle(of cells: [NamesNewCell]) -> Int {
    let total = cells.reduce(0) { $0 + $1.byteCount + 2 }
    var left = 0
    for (index, cell) in cells.enumerated() {
      left += cell.byteCount + 2
      if left * 2 >= total { return min(max(index, 1), cells.count - 1) }
    }
    return cells.count - 1
  }

  /// The shortest key that is above `left` and not above `right`.
  private static func separator(between left: [UInt8], and right: [UInt8]) -> [UInt8] {
    let common = zip(left, right).prefix { $0 == $1 }.count
    return Array(right.prefix(common + 1))
  }
}
