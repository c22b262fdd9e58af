/// Who keeps frames for a while, without being an entry: their owners may be gone before.
enum Borrower: Hashable, Sendable {
  /// By the key of its pin.
  case reader(UInt64)
  /// An import in preparation, by its number.
  case staging(UInt64)
}

extension StoreCore {
  /// Whether it has not ended.
  func isThere(_ borrower: Borrower) -> Bool {
    switch borrower {
    case .reader(let key): pins.contains(key)
    case .staging(let number): stagings.numbered.contains { $0.number == number }
    }
  }

  /// Whether all that still keep frames of a deletion for good are there: before one of them has
  /// ended a collection finds what the last one did.
  func isWaiting(_ departure: Departure) -> Bool {
    !departure.borrowers.isEmpty && departure.borrowers.allSatisfy(isThere)
  }
}
