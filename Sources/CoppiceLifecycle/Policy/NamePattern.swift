/// A pattern of names: `*` stands for any number of characters, `?` for one, and every other
/// character for itself. A pattern stands for whole names.
package struct NamePattern: Hashable, Sendable, CustomStringConvertible {
  package let description: String
  /// Without two stars in a row, and with question marks before the star that they stand beside.
  private let scalars: [Unicode.Scalar]

  package init(_ text: String) {
    description = text
    var scalars: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars {
      if scalar == "*", scalars.last == "*" { continue }
      if scalar == "?", scalars.last == "*" {
        scalars.insert("?", at: scalars.count - 1)
      } else {
        scalars.append(scalar)
      }
    }
    self.scalars = scalars
  }

  /// Whether it stands for a name. Takes the product of both lengths at most.
  package func matches(_ name: String) -> Bool {
    let name = Array(name.unicodeScalars)
    var place = 0
    var index = 0
    // Behind the last star, and where what it took ends: the only star that need take more.
    var retry: (place: Int, index: Int)?
    while index < name.count {
      if place < scalars.count, scalars[place] == "*" {
        place += 1
        retry = (place, index)
      } else if place < scalars.count, scalars[place] == "?" || scalars[place] == name[index] {
        place += 1
        index += 1
      } else if let last = retry {
        place = last.place
        index = last.index + 1
        retry = (place, index)
      } else {
        return false
      }
    }
    return scalars[place...].allSatisfy { $0 == "*" }
  }

  /// Whether it stands for every name that the other one stands for. Never true without that; a
  /// few such pairs are not seen.
  func covers(_ other: NamePattern) -> Bool {
    let (wide, narrow) = (scalars, other.scalars)
    // Whether what is behind a place in the one covers what is behind a place in the other, from
    // the ends of both; a row for each place in the one.
    var row = [Bool](repeating: false, count: narrow.count + 1)
    row[narrow.count] = true
    for place in wide.indices.reversed() {
      var next = [Bool](repeating: false, count: narrow.count + 1)
      next[narrow.count] = wide[place] == "*" && row[narrow.count]
      for index in narrow.indices.reversed() {
        next[index] =
          switch wide[place] {
          case "*": row[index] || next[index + 1]
          case "?": narrow[index] != "*" && row[index + 1]
          case let scalar: narrow[index] == scalar && row[index + 1]
          }
      }
      row = next
    }
    return row[0]
  }
}
