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

extension [EntryAnswer] {
  /// A table of entries, as they come.
  var table: String {
    var table = TextTable(("name", .left), ("created", .left), ("from", .left), ("state", .left))
    for entry in self {
      let state = entry.deleted.map { "deleted \(Output.time($0))" } ?? ""
      table.add(entry.name, Output.time(entry.created), entry.parent ?? "", state)
    }
    return table.text
  }
}
