/// How a branch or snapshot came to its end: the value of its field `ending`.
///
///     cause u8   flags u8   group u64   by: UTF-8, the rest
///
/// Causes are those of `Cause`; flag 1 says that it ended by itself.
public struct Ending: Hashable, Sendable {
  public enum Cause: UInt8, Hashable, Sendable {
    /// Its time to live was over.
    case ttl = 1
    /// Its lease was not renewed.
    case lease
    /// It went far beyond its limit.
    case limit
    /// Somebody had it expire.
    case expire
  }

  private static let byteCountMin = 10

  public var cause: Cause
  /// Whether it was deleted because it had expired for long enough, and by nobody: it is to have a
  /// proof.
  public var isByItself: Bool
  /// The branch that it went with: itself but for snapshots.
  public var group: BranchID
  /// Who had it expire; `nil` where that is not known, and where nobody did.
  public var by: String?

  public init(_ cause: Cause, isByItself: Bool = false, group: BranchID, by: String? = nil) {
    self.cause = cause
    self.isByItself = isByItself
    self.group = group
    self.by = by
  }

  /// `nil` for bytes that are no such value.
  public init?(_ value: [UInt8]) {
    guard value.count >= Self.byteCountMin, let cause = Cause(rawValue: value[0]), value[1] <= 1,
      let by = EntryField.text(in: value[Self.byteCountMin...])
    else { return nil }
    let group: UInt64 = value.withUnsafeBytes { $0.integer(at: 2) }
    self.init(
      cause, isByItself: value[1] == 1, group: BranchID(group), by: by.isEmpty ? nil : by)
  }

  public var value: [UInt8] {
    [cause.rawValue, isByItself ? 1 : 0]
      + withUnsafeBytes(of: group.rawValue.littleEndian, Array.init) + Array((by ?? "").utf8)
  }
}

extension BranchEntry {
  /// What stays of one that ended by itself once it is condemned: its proof tells it.
  static let provenTags: [FieldTag] = [.owner, .labels, .origin, .ending]

  /// Whether it ended by itself, so that there is to be a proof of what became of it.
  public var endedByItself: Bool { annotations.ending?.isByItself ?? false }
}
