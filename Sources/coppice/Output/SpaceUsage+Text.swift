internal import Coppice

extension SpaceUsage {
  /// A line for every holder.
  var explanation: String {
    var table = TextTable(("", .right), ("", .left))
    for part in parts where part.byteCount > 0 {
      table.add(Output.bytes(part.byteCount), part.text)
    }
    table.add(Output.bytes(sharedByteCount), "held by several of these")
    addTotal(to: &table)
    return table.rowsText
  }

  /// One sum for each kind of holder.
  var summary: String {
    var table = TextTable(("", .right), ("", .left))
    table.add(Output.bytes(exclusiveByteCount), "held by one of these alone")
    table.add(Output.bytes(sharedByteCount), "held by several of these")
    table.add(Output.bytes(garbageByteCount), "garbage")
    addTotal(to: &table)
    return table.rowsText
  }

  private func addTotal(to table: inout TextTable) {
    table.add(Output.bytes(metadataByteCount), "headers, directories and notes")
    table.add(Output.bytes(storedByteCount), "stored in all, at \(Output.time(countedAt))")
    if unsealedByteCount > 0 {
      table.add(
        Output.bytes(unsealedByteCount),
        "besides: changes that are in memory and in the journal only")
    }
  }
}

extension SpaceUsage.Part {
  /// Who holds it.
  var text: String { holder.text(named: name, segment: segment) }
}

extension SpaceUsage.Holder {
  /// Who holds something.
  func text(named name: String?, segment: UInt64? = nil) -> String {
    let name = Output.printable(name ?? "")
    return switch self {
    case .branch: "held by branch \(name)"
    case .snapshot: "held by snapshot \(name)"
    case .deleted: "held by \(name), deleted, which can be restored"
    case .reader: "held by a reader: an export or a comparison"
    case .import: "held by an import that is under way"
    case .several: "held by several branches or snapshots"
    case .segment:
      "garbage in \(segment.map { "segment \($0)" } ?? "a segment"), which is mostly live"
    case .journal: "in journal files that may have records of it"
    case .nothing: "garbage that the next collection reclaims"
    }
  }
}
