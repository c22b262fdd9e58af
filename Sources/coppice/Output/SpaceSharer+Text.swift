internal import Coppice

extension SpaceSharer {
  private static let lineCountMax = 10

  /// Who it is.
  private var text: String {
    let name = Output.printable(name ?? "")
    return switch holder {
    case .branch: "branch \(name)"
    case .snapshot: "snapshot \(name)"
    case .deleted:
      "\(name), deleted, which can be restored until "
        + (restoreWindowEndsAt.map(Output.time) ?? "it is forgotten")
    case .import: "an import that is under way"
    default: "a reader: an export or a comparison"
    }
  }

  /// A line for each of the first.
  static func lines(_ sharers: [SpaceSharer]) -> String {
    let shown = sharers.prefix(lineCountMax).map { "  \($0.text)\n" }.joined()
    let rest = sharers.count - lineCountMax
    return rest > 0 ? shown + "  and \(Output.count(rest, "other"))\n" : shown
  }

  /// What stays of entries that are to go, and with whom; nothing when nothing does.
  static func keeping(_ byteCount: UInt64, _ sharers: [SpaceSharer]) -> String {
    if byteCount == 0 { return "" }
    if sharers.isEmpty {
      return "\(Output.bytes(byteCount)) without content stays, on which others build\n"
    }
    return "\(Output.bytes(byteCount)) that they share stays, kept by\n" + lines(sharers)
  }
}
