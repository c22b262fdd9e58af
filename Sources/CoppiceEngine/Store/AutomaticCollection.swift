/// When collections start by themselves, and how fast they go.
package struct AutomaticCollection: Hashable, Sendable {
  package var isEnabled = true
  /// From this estimated share of dead bytes on, of the segments that came since the last
  /// collection or of the older ones.
  package var deadShareMin = 0.2
  /// Below this many dead bytes it is not worth it; of a smaller store a part of it is enough.
  package var deadByteCountMin: UInt64 = 16 << 20
  /// With less free space than this everything is collected that can be, and no deleted branch can
  /// be restored any more.
  package var freeByteCountMin: UInt64 = 128 << 20
  /// Nanoseconds for which a deleted branch can surely be restored while there is space.
  package var restoreWindow = CollectionOptions.restoreWindowDefault
  /// Bytes to read and copy in a second, while there is space; `nil`: as fast as it goes.
  package var byteCountPerSecond: UInt64? = 128 << 20

  package init() {}
}

/// What there is to decide on. All of it estimates: a wrong one costs time or space, nothing else.
struct CollectionNeed {
  var oldByteCount: UInt64 = 0
  var youngByteCount: UInt64 = 0
  var oldDeadByteCount: UInt64 = 0
  var youngDeadByteCount: UInt64 = 0
  /// What deleted branches past the restore window have stored.
  var oldForgettableByteCount: UInt64 = 0
  var youngForgettableByteCount: UInt64 = 0
  var hasDeletedBranches = false
  /// Whether a collection may forget some of them.
  var hasForgettable = false
  /// Whether something that ended by itself has waited long enough for the collection that tells
  /// what became of it.
  var isProofDue = false
  /// Whether something was removed on a disk that has no room for anything else.
  var hasRemovals = false
  /// `nil` when nobody can tell.
  var freeByteCount: UInt64?
  /// Whether anything happened since a collection for lack of space.
  var hasChanged = true

  private static let storeShare: UInt64 = 32
  private static let deadByteCountMin: UInt64 = 4 << 20

  enum Kind: Hashable {
    case young
    case all
    /// Whatever can be had.
    case forSpace
  }

  func kind(_ settings: AutomaticCollection) -> Kind? {
    if let freeByteCount, freeByteCount < settings.freeByteCountMin, hasChanged {
      let dead = oldDeadByteCount + youngDeadByteCount
      if hasDeletedBranches || hasRemovals || dead >= settings.deadByteCountMin / 16 {
        return .forSpace
      }
    }
    if isEnough(oldDeadByteCount + oldForgettableByteCount, of: oldByteCount, settings) {
      return .all
    }
    if isProofDue { return .all }
    if isEnough(youngDeadByteCount + youngForgettableByteCount, of: youngByteCount, settings) {
      return .young
    }
    return nil
  }

  private func isEnough(_ dead: UInt64, of part: UInt64, _ settings: AutomaticCollection) -> Bool {
    let share = (oldByteCount + youngByteCount) / Self.storeShare
    let enough = min(settings.deadByteCountMin, max(Self.deadByteCountMin, share))
    return dead >= enough && Double(dead) >= settings.deadShareMin * Double(part)
  }
}
