/// Finds names that someone may have meant.
package enum NearestNames {
  static let countMax = 3

  /// The closest names by edit distance, at most `countMax`, none that differs in more than a third
  /// of its letters.
  package static func find(_ name: String, among candidates: some Sequence<String>) -> [String] {
    let wanted = Array(name.lowercased())
    let limit = max(wanted.count / 3, 2)
    var found: [(name: String, distance: Int)] = []
    for candidate in candidates {
      let distance = distance(wanted, Array(candidate.lowercased()), limit: limit)
      if distance <= limit { found.append((candidate, distance)) }
    }
    found.sort { ($0.distance, $0.name) < ($1.distance, $1.name) }
    return found.prefix(countMax).map(\.name)
  }

  /// Levenshtein distance, or some number above `limit`. Source: Wagner, Fischer, "The string-to-
  /// string correction problem", 1974.
  static func distance(_ a: [Character], _ b: [Character], limit: Int) -> Int {
    guard abs(a.count - b.count) <= limit else { return limit + 1 }
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, right) in b.enumerated() {
        let substituted = diagonal + (left == right ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}
