internal import Coppice

/// What the process ends with. Scripts rely on the numbers.
enum ExitStatus: Int32 {
  case done = 0
  case failed = 1
  /// Damage that a check found or a repair left, a difference that was asked for, what an export
  /// could not keep, bytes that are still there after a deletion.
  case finding = 2
  case notFound = 3
  case conflict = 4
  case inUse = 5
  case denied = 6
  case full = 7
  case corrupt = 8
  case unsupportedFormat = 9
  case usage = 64
  case tryAgain = 75

  init(_ kind: StoreError.Kind) {
    self =
      switch kind {
      case .notFound: .notFound
      case .conflict: .conflict
      case .inUse: .inUse
      case .denied: .denied
      case .full: .full
      case .corrupt: .corrupt
      case .unsupportedFormat: .unsupportedFormat
      case .invalid: .usage
      case .unavailable: .tryAgain
      }
  }
}
