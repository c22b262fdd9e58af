internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Tell how two branches or snapshots differ.",
    discussion: """
      Takes as long as there are changes; equal parts are not looked at.

      JSON: \(DiffRequest.keys). change is added, removed, changed or renamed; from is null unless \
      renamed, pages without --pages.

      Example:
        coppice diff main experiment
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "A branch or snapshot.")
  var old: String

  @Argument(help: "The branch or snapshot to compare it with.")
  var new: String

  @Flag(name: .long, help: "List the ranges of pages that changed.")
  var pages = false

  @Flag(name: .long, help: "End with status 2 when there is a difference.")
  var exitCode = false

  func run() throws {
    let answer = try options.perform(DiffRequest(old: old, new: new, pages: pages))
    try options.print(answer)
    if exitCode, !answer.items.isEmpty { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension Diff: Reply {
  var text: String {
    guard !items.isEmpty else { return "no difference\n" }
    var table = TextTable(
      ("", .left), ("path", .left), ("pages", .right), ("bytes", .right), ("size", .right))
    for item in items {
      table.add(
        item.change.sign, item.name, "\(item.changedPageCount)",
        Output.bytes(item.changedByteCount),
        Output.bytes(item.change == .removed ? item.oldByteCount : item.newByteCount))
      for range in item.pages ?? [] {
        table.add("", "  pages \(range.firstPage)+\(range.pageCount)", "", "", "")
      }
    }
    return table.text
      + "\(addedCount) added, \(removedCount) removed, \(changedCount) changed, "
      + "\(Output.bytes(changedByteCount)) in changed pages\n"
  }
}

extension Diff.Item {
  fileprivate var name: String {
    if case .renamed(let from) = change { "\(from) -> \(path)" } else { "\(path)" }
  }
}

extension Diff.Change {
  fileprivate var sign: String {
    switch self {
    case .added: "+"
    case .removed: "-"
    case .renamed: ">"
    case .changed: "*"
    }
  }
}
