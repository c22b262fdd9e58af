internal import ArgumentParser
internal import Coppice

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Tell how two branches or snapshots differ.",
    discussion: """
      Takes as long as there are changes; equal parts are not looked at. JSON: old, new, addedCount, \
      removedCount, changedCount, changedByteCount, items, each with change (added, removed, \
      changed, renamed), path, from (of a renamed file), kind, oldByteCount, newByteCount, \
      changedPageCount, changedByteCount, attributesChanged, pages (with --pages: firstPage, \
      pageCount).

      Example:
        coppice diff main experiment
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A branch or snapshot.")
  var old: String

  @Argument(help: "The branch or snapshot to compare it with.")
  var new: String

  @Flag(name: .long, help: "List the ranges of pages that changed.")
  var pages = false

  @Flag(name: .long, help: "End with status 2 when there is a difference.")
  var exitCode = false

  func run() throws {
    let answer = try options.withStore(isReadOnly: true) { store in
      Answer(try store.diff(old, new), old: old, new: new, withPages: pages)
    }
    try options.print(answer)
    if exitCode, !answer.items.isEmpty { throw ExitCode(ExitStatus.finding.rawValue) }
  }

  struct PageRange: Encodable {
    var firstPage: UInt64
    var pageCount: UInt64
  }

  struct Item: Encodable {
    var change: String
    var path: String
    var from: String?
    var kind: String
    var oldByteCount: UInt64
    var newByteCount: UInt64
    var changedPageCount: UInt64
    var changedByteCount: UInt64
    var attributesChanged: Bool
    var pages: [PageRange]?

    init(_ item: Diff.Item, withPages: Bool) {
      switch item.change {
      case .added: change = "added"
      case .removed: change = "removed"
      case .changed: change = "changed"
      case .renamed(let from):
        change = "renamed"
        self.from = from.description
      }
      path = item.path.description
      kind = item.kind.text
      oldByteCount = item.oldByteCount
      newByteCount = item.newByteCount
      changedPageCount = UInt64(item.changedPageCount)
      changedByteCount = item.changedByteCount
      attributesChanged = item.attributesChanged
      if withPages {
        pages = item.pages.map {
          PageRange(firstPage: $0.lowerBound, pageCount: $0.upperBound - $0.lowerBound)
        }
      }
    }

    var sign: String {
      switch change {
      case "added": "+"
      case "removed": "-"
      case "renamed": ">"
      default: "*"
      }
    }
  }

  struct Answer: Reply {
    var old: String
    var new: String
    var addedCount: Int
    var removedCount: Int
    var changedCount: Int
    var changedByteCount: UInt64
    var items: [Item]

    init(_ diff: Diff, old: String, new: String, withPages: Bool) {
      self.old = old
      self.new = new
      addedCount = diff.addedCount
      removedCount = diff.removedCount
      changedCount = diff.changedCount
      changedByteCount = diff.changedByteCount
      items = diff.items.map { Item($0, withPages: withPages) }
    }

    var text: String {
      guard !items.isEmpty else { return "no difference\n" }
      var table = TextTable(
        ("", .left), ("path", .left), ("pages", .right), ("bytes", .right), ("size", .right))
      for item in items {
        let name = item.from.map { "\($0) -> \(item.path)" } ?? item.path
        table.add(
          item.sign, name, "\(item.changedPageCount)", Output.bytes(item.changedByteCount),
          Output.bytes(item.change == "removed" ? item.oldByteCount : item.newByteCount))
        for range in item.pages ?? [] {
          table.add("", "  pages \(range.firstPage)+\(range.pageCount)", "", "", "")
        }
      }
      return table.text
        + "\(addedCount) added, \(removedCount) removed, \(changedCount) changed, "
        + "\(Output.bytes(changedByteCount)) in changed pages\n"
    }
  }
}
