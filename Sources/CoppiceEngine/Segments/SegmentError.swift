package import CoppiceFormat
package import CoppicePlatform

/// Why a segment does not give what it is asked for, or a change of one failed.
package enum SegmentError: Error {
  /// There is no such segment.
  case missing(SegmentID)
  /// What is stored is not what was written.
  case damaged(object: String, message: String)
  /// A newer version wrote it: no damage.
  case unsupported(object: String, FormatError)
  /// The system lacked something for a moment, or refuses. That says nothing of what is stored: it
  /// is no damage, and nothing that follows from it is recorded or kept.
  case unreachable(SystemError)
  /// Another call failed. Of a read it is as good as damage.
  case system(SystemError)

  init(_ error: SystemError) {
    self = error.isPassing || error.isDenied ? .unreachable(error) : .system(error)
  }

  /// Of a call that opens the segment's file.
  init(_ error: SystemError, opening id: SegmentID) {
    self = error.isMissing ? .missing(id) : Self(error)
  }

  init(_ error: FormatError, in object: String) {
    self =
      error.isUnsupported
      ? .unsupported(object: object, error) : .damaged(object: object, message: "\(error)")
  }

  package var saysNothingOfContent: Bool {
    if case .unreachable = self { true } else { false }
  }

  /// What is wrong, without saying where.
  package var message: String {
    switch self {
    case .missing: "the segment is missing"
    case .damaged(_, let message): message
    case .unsupported(_, let error): "\(error)"
    case .unreachable(let error), .system(let error): "\(error)"
    }
  }
}

extension StoreError {
  /// The one place where a segment's failure becomes what users see: what is missing or damaged is
  /// `corrupt`, and nothing else is.
  ///
  /// - Parameter action: what was under way, for a call that failed.
  package init(_ error: SegmentError, while action: String) {
    switch error {
    case .missing(let id):
      self.init(
        .corrupt, error.message, object: SegmentStore.path(id), remedy: .damagedStructure)
    case .damaged(let object, let message):
      self.init(.corrupt, message, object: object, remedy: .damagedStructure)
    case .unsupported(let object, let error):
      self.init(error, in: object)
    case .unreachable(let error), .system(let error):
      self.init(error, while: action)
    }
  }
}
