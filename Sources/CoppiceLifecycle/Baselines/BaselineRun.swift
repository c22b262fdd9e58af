/// That a branch or snapshot is made for a baseline, and is nobody's until it is done: its
/// annotation `part`, as JSON.
package struct BaselinePart: Hashable, Sendable, Codable {
  /// The baseline's, or the branch's that it is made of.
  package var name: String

  package init(of name: String) { self.name = name }
}

/// One time that a baseline was brought up to date, or was to be.
package struct BaselineRun: Hashable, Sendable, Codable {
  package enum Outcome: String, Hashable, Sendable, Codable {
    /// There is a new snapshot, and branches are made of it.
    case approved
    /// There is a new snapshot, which somebody must approve.
    case made
    /// Nothing changed.
    case failed
    /// It has not come to its end.
    case running
  }

  /// Nanoseconds since 1970-01-01 UTC.
  package var startedNanoseconds: Int64
  package var endedNanoseconds: Int64
  /// The last step that was begun.
  package var step: String
  package var outcome: Outcome
  /// Why it failed, and where.
  package var message: String?
  package var snapshot: String?
  /// Of the files that were brought in.
  package var byteCount: UInt64
  /// What was stored for them.
  package var storedByteCount: UInt64

  package init(startedNanoseconds: Int64) {
    self.startedNanoseconds = startedNanoseconds
    endedNanoseconds = startedNanoseconds
    step = ""
    outcome = .running
    byteCount = 0
    storedByteCount = 0
  }

  /// It ends without a snapshot.
  package mutating func fail(_ message: String, at nanoseconds: Int64) {
    outcome = .failed
    self.message = message
    snapshot = nil
    endedNanoseconds = nanoseconds
  }
}
