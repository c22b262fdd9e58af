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
        [entry.terms, entry.place, entry.growth].compactMap { $0 }.filter { !$0.isEmpty }
          .joined(separator: ", "))
    }
    return table.text
  }
}

extension EntryInfo {
  /// What has become of it and when it ends, whose it is and what is said of it; empty where there
  /// is nothing to tell.
  var terms: String {
    var parts: [String] = []
    if let deletedAt { parts.append("deleted \(Output.time(deletedAt))") }
    if let keepUntil { parts.append("kept until \(Output.time(keepUntil))") }
    if let expiredAt { parts.append("expired \(Output.time(expiredAt))") }
    if state == .live, let expiresAt { parts.append("ends \(Output.time(expiresAt))") }
    if state == .live, let leaseUntil { parts.append("leased until \(Output.time(leaseUntil))") }
    if let protectedUntil {
      let isEndless = protectedUntil.nanoseconds == .max
      let reason = protectionReason.map { " (\(Output.printable($0)))" } ?? ""
      parts.append(
        (isEndless ? "protected" : "protected until \(Output.time(protectedUntil))") + reason)
    }
    if let owner { parts.append("of \(Output.printable(owner))") }
    parts += labels.map { Output.printable("\($0.key)=\($0.value)") }
    return parts.joined(separator: ", ")
  }

  /// Where it lies, unless that is where everything does that nobody put elsewhere.
  fileprivate var place: String? {
    let dataClass = domain.dataClass.rawValue
    if domain.description == DataClass.raw.rawValue { return nil }
    return domain.description == dataClass ? "in \(domain)" : "in \(domain), which is \(dataClass)"
  }

  /// What is to be said of a branch that has come near to its limit.
  fileprivate var growth: String? {
    guard growthLevel != nil, let maxStoredByteCount, let addedByteCount else { return nil }
    return Output.share(of: addedByteCount, in: maxStoredByteCount)
  }
}
