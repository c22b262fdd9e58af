package import Coppice

/// Times as text.
package enum RFC3339 {
  package static func text(_ time: Timestamp) -> String { time.description }

  /// From nanoseconds since 1970-01-01 UTC.
  package static func text(nanoseconds: Int64) -> String {
    text(Timestamp(nanoseconds: nanoseconds))
  }
}
