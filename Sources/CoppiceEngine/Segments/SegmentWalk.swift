internal import CoppiceFormat
internal import CoppicePlatform

// Whoever goes through segments takes long, and collections do not wait: they copy what is live out
// of a segment into hosts, record the move, and unlink the segment. So a reader that finds a
// segment gone looks at what the catalogue has now. If the segment is not in it any more, hosts
// that came since hold what was needed of it; only a segment that the catalogue still has and the
// disk has not is damage.

/// Goes through segments, though collections may empty and remove them meanwhile. What lay in them
/// at the beginning and is needed at the end is met once at least; what was copied may be met
/// twice.
struct SegmentWalk {
  enum Outcome {
    case done
    /// The segment is not in the catalogue any more, and was not looked at.
    case gone
    case stop
  }

  /// The segments that the catalogue has now.
  let current: () -> [SegmentID: SegmentEntry]

  /// Visits the segments in order of their ids, then hosts as far as they are needed. Returns
  /// whether the walk came to its end.
  @discardableResult
  func forEach<Failure: Error>(
    of segments: [SegmentEntry], _ visit: (SegmentEntry) throws(Failure) -> Outcome
  ) throws(Failure) -> Bool {
    var due = segments.sorted { $0.id < $1.id }
    // A host may be known, without frames, before it is complete.
    var known: [SegmentID: UInt64] = [:]
    while true {
      var isIncomplete = false
      for entry in due {
        known[entry.id] = entry.byteCount
        switch try visit(entry) {
        case .done: break
        case .gone: isIncomplete = true
        case .stop: return false
        }
      }
      if !isIncomplete { return true }
      due = current().values.filter { entry in
        entry.flags.contains(.host) && entry.byteCount > known[entry.id] ?? 0
      }.sorted { $0.id < $1.id }
    }
  }
}
