public import CoppicePlatform

/// Finds out whether a store keeps the promises that a pool builds on, before one is made there.
///
/// Many stores break the conditional write: they ignore the condition, check it before they write,
/// or keep it within one gateway only. So writers race for one object, over several connections,
/// and every race must have exactly one winner, whose bytes are what everybody reads then. The rest
/// is what a pool would meet soon: tags that are old, objects that are not there, ranges.
///
/// It proves nothing: a store that passes may still break its word. It is enough to refuse those
/// that never keep it. What a probe writes it removes in the end, also when it fails.
public struct ObjectStoreProbe: Sendable {
  public static let roundCount = 16
  public static let writerCount = 8
  /// How often a round may begin anew.
  static let repeatCountMax = 3

  private let connections: @Sendable (TagStyle) throws(ObjectStoreError) -> [any ObjectStore]
  private let prefix: String
  private let pool: WorkerPool

  /// A probe that has not begun.
  ///
  /// - Parameters:
  ///   - token: of this probe alone, so that two at once do not meet.
  ///   - pool: its threads are the writers; without any, they write one after the other.
  ///   - connections: makes connections that send tags in a style, one for each address of the
  ///     store; at least one.
  public init(
    token: UInt64, pool: WorkerPool,
    connections: @escaping @Sendable (TagStyle) throws(ObjectStoreError) -> [any ObjectStore]
  ) {
    prefix = "probe/\(String(token, radix: 16))"
    self.pool = pool
    self.connections = connections
  }

  /// Writes and reads some hundred objects of a few hundred bytes each.
  ///
  /// Throws `invalid` for a store that must not be used, with the round and what went wrong in it;
  /// what the store or the network throws otherwise.
  public func run() throws(ObjectStoreError) -> ProbeReport {
    for style in TagStyle.allCases {
      let run = ProbeRun(try connections(style), prefix: "\(prefix)/\(style)", pool: pool)
      defer { run.removeObjects() }
      guard try run.takesTags() else { continue }
      try run.probe()
      return ProbeReport(
        tagStyle: style, clockOffset: run.clockOffset, roundCount: Self.roundCount,
        repeatCount: run.repeatCount)
    }
    throw ObjectStoreError(
      .invalid,
      "the store does not change an object on the tag that it has, with quotes or without",
      cause: "the probe's round of tags")
  }
}
