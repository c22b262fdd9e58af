/// Rows in columns as wide as their widest cell, two spaces between them.
struct TextTable {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// Titles with the alignment of their columns.
  init(_ columns: (title: String, alignment: Alignment)...) {
    alignments = columns.map(\.alignment)
    rows = [columns.map { $0.title }]
  }

  /// Adds a row; cells are made printable.
  mutating func add(_ cells: String...) {
    precondition(cells.count == alignments.count, "a row with the wrong number of cells")
    rows.append(cells.map(Output.printable))
  }

  /// The titles and rows, or nothing when there are no rows.
  var text: String { rows.count > 1 ? layOut(rows[...]) : "" }

  /// The rows without the titles.
  var rowsText: String { layOut(rows.dropFirst()) }

  private func layOut(_ rows: ArraySlice<[String]>) -> String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.reduce(into: "") { text, row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let space = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ")
        line += alignments[column] == .left ? cell + space : space + cell
      }
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
  }
}
