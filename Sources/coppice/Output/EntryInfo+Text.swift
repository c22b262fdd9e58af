internal import Coppice
internal import CoppiceServer

/// What happened to some entries.
struct EntriesReply: Reply {
  private let answer: EntriesAnswer
  private let verb: String

  /// `verb` as in `Deleted`, or as in `Would delete`.
  init(_ answer: EntriesAnswer, _ verb: String) {
    self.answer = answer
    self.verb = verb
  }

  func encode(to encoder: any Encoder) throws { try answer.encode(to: encoder) }

  var text: String { answer.entries.map { "\(verb) \(Output.printable($0))\n" }.joined() }
}

extension [EntryInfo] {
  /// A table of entries, as they come.
  var table: String {
    var table = TextTable(("name", .left), ("created", .left), ("from", .left), ("state", .left))
    for entry in self {
      table.add(
        entry.name, Output.time(entry.createdAt), entry.parent ?? "",
        [entry.deletion, entry.place].compactMap(\.self).joined(separator: ", "))
    }
    return table.text
  }
}

extension EntryInfo {
  fileprivate var deletion: String? { deletedAt.map { "deleted \(Output.time($0))" } }

  /// Where it lies, unless that is where everything does that nobody put elsewhere.
  fileprivate var place: String? {
    let dataClass = domain.dataClass.rawValue
    if domain.description == DataClass.raw.rawValue { return nil }
    return domain.description == dataClass ? "in \(domain)" : "in \(domain), which is \(dataClass)"
  }
}
