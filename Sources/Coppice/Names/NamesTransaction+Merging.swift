internal import CoppiceFormat

extension NamesTransaction {
  /// Frees pages that removals emptied and joins those that they left nearly empty, from the leaf
  /// at the end of `path` upwards.
  func rebalance(_ path: [Step]) throws(StoreError) {
    var path = path
    while let step = path.popLast(), let parent = path.last {
      let editor = try edit(step.page)
      if editor.cellCount == 0 {
        try removeChild(at: parent.index, of: parent.page)
        try free(step.page)
      } else if editor.usedByteCount < editor.capacity / 4 {
        guard try mergeWithNeighbour(step.page, parent) else { return }
      } else {
        return
      }
    }
    try shrinkRoot()
  }

  private func shrinkRoot() throws(StoreError) {
    while header.depth > 1 {
      let editor = try edit(header.root)
      guard editor.cellCount <= 1 else { return }
      if editor.cellCount == 0 {
        editor.initialize(level: 0)
        header.depth = 1
        return
      }
      let root = header.root
      header.root = try child(at: 0, of: root)
      header.depth -= 1
      try free(root)
    }
  }

  /// Joins a page with a neighbour under the same parent if three quarters of a page hold both.
  private func mergeWithNeighbour(_ page: UInt32, _ parent: Step) throws(StoreError) -> Bool {
    let count = try edit(parent.page).cellCount
    let index = parent.index
    if index + 1 < count {
      let right = try child(at: index + 1, of: parent.page)
      if try merge(page, right, rightIndex: index + 1, parent.page) { return true }
    }
    guard index > 0 else { return false }
    let left = try child(at: index - 1, of: parent.page)
    return try merge(left, page, rightIndex: index, parent.page)
  }

  private func merge(
    _ left: UInt32, _ right: UInt32, rightIndex: Int, _ parent: UInt32
  ) throws(StoreError) -> Bool {
    let leftEditor = try edit(left)
    let rightEditor = try edit(right)
    let together =
      leftEditor.usedByteCount + rightEditor.usedByteCount + NamesKey.byteCountMax
    guard together <= leftEditor.capacity * 3 / 4 else { return false }
    let image = try image(of: right)
    var cells = try image.decode(right) { view throws(FormatError) -> [NamesNewCell] in
      var cells: [NamesNewCell] = []
      for index in 0..<view.cellCount { cells.append(NamesNewCell(try view.cell(at: index))) }
      return cells
    }
    if image.bytes[5] > 0, !cells.isEmpty {
      cells[0].key = try self.image(of: parent).decode(parent) {
        view throws(FormatError) -> [UInt8] in Array(try view.cell(at: rightIndex).key)
      }
    }
    for cell in cells {
      cell.withBytes { key, value in
        leftEditor.insert(
          at: leftEditor.cellCount, key: key, value: value, isOverflow: cell.isOverflow)
      }
    }
    try removeChild(at: rightIndex, of: parent)
    try free(right)
    return true
  }

  /// The first cell of an inner page keeps its empty key: the next child takes its place.
  private func removeChild(at index: Int, of page: UInt32) throws(StoreError) {
    let editor = try edit(page)
    guard index == 0, editor.cellCount > 1 else {
      editor.remove(at: index)
      return
    }
    let cell = NamesNewCell(key: [], child: try child(at: 1, of: page))
    cell.withBytes { key, value in
      editor.replaceValue(at: 0, key: key, value: value, isOverflow: false)
    }
    editor.remove(at: 1)
  }

  private func child(at index: Int, of page: UInt32) throws(StoreError) -> UInt32 {
    try image(of: page).decode(page) { view throws(FormatError) -> UInt32 in
      try view.child(at: index)
    }
  }
}
