/// What a probe found out about a store that passed it.
public struct ProbeReport: Hashable, Sendable {
  /// How the store wants tags.
  public var tagStyle: TagStyle
  /// What the store's clock shows before or behind this machine's; `nil` where it tells no time.
  public var clockOffset: Duration?
  /// Rounds of writers that had one winner each.
  public var roundCount: Int
  /// How often a round was begun anew, because its answers proved nothing.
  public var repeatCount: Int
}
