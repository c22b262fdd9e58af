internal import CoppiceServer

extension SpaceAnswer {
  /// Several lines.
  var text: String {
    var table = TextTable(("", .right), ("", .left))
    for part in parts where part.byteCount > 0 {
      table.add(Output.bytes(part.byteCount), part.text)
    }
    table.add(Output.bytes(sharedByteCount), "held by several of these")
    table.add(Output.bytes(metadataByteCount), "headers, directories and notes")
    table.add(Output.bytes(storedByteCount), "stored in all, at \(Output.time(time))")
    return table.rowsText
  }
}

extension SpaceAnswer.Part {
  /// Who holds it.
  var text: String {
    let name = Output.printable(name ?? "")
    return switch holder {
    case "branch": "held by branch \(name)"
    case "snapshot": "held by snapshot \(name)"
    case "deleted": "held by \(name), deleted, which can be restored"
    case "reader": "held by a reader: an export or a comparison"
    case "import": "held by an import that is under way"
    case "several": "held by several branches or snapshots"
    case "segment": "garbage in segment \(segment ?? 0), which is mostly live"
    default: "garbage that the next collection reclaims"
    }
  }
}
