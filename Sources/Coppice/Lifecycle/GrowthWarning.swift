internal import CoppiceEngine
internal import CoppiceFormat

/// A branch came nearer to the limit of its growth.
public struct GrowthWarning: Hashable, Sendable {
  /// How near.
  public enum Level: String, Hashable, Sendable, CaseIterable, Codable {
    /// 80 % were added.
    case near
    /// All was: files do not grow any more.
    case full
    /// So much more that the branch is to expire: see `Store.isBeyondLimit`.
    case beyond
  }

  /// `FileTree.id` of the branch, and its name.
  public var entry: UInt64
  public var name: String
  public var level: Level
  public var addedByteCount: UInt64
  public var limitByteCount: UInt64

  /// In one sentence.
  public var text: String {
    let share = Double(addedByteCount) / Double(max(limitByteCount, 1)) * 100
    let start = "\(name) has added \(Int(share)) % of the \(limitByteCount) bytes that it may"
    return switch level {
    case .near: start
    case .full: "\(start): its files do not grow any more"
    case .beyond: "\(start): it is to expire"
    }
  }

  /// `nil` when there is nothing to warn of.
  init?(_ notice: GrowthNotice) {
    guard let level = Level(notice.state) else { return nil }
    self.level = level
    entry = notice.branch.id.rawValue
    name = notice.branch.name
    addedByteCount = notice.addedByteCount
    limitByteCount = notice.limit.byteCount
  }
}

extension GrowthWarning.Level {
  init?(_ state: GrowthLimit.State) {
    switch state {
    case .free: return nil
    case .near: self = .near
    case .full: self = .full
    case .beyond: self = .beyond
    }
  }
}
