internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct BranchShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Tell what is known of a branch or snapshot.",
    discussion: """
      JSON: \(BranchShowRequest.keys).

      Example:
        coppice branch show experiment
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "A branch or snapshot.")
  var name: String

  func run() throws {
    try options.print(try options.perform(BranchShowRequest(name: name)))
  }
}

extension BranchShowRequest.Answer: Reply {
  var text: String {
    let domain = report.domain
    let usage = addition.report
    var text = "\(Output.printable(report.name))\n  made \(Output.time(report.createdAt))"
    if let parent = report.parent { text += " from \(Output.printable(parent))" }
    if let origin = addition.addition.origin {
      text += "\n  of the baseline \(Output.printable(origin.baseline)), "
      text += "snapshot \(Output.printable(origin.snapshot))"
    }
    text += "\n  trust domain \(Output.printable(domain.description)), "
    text += "class \(domain.dataClass.rawValue)\n"
    if !report.terms.isEmpty { text += "  \(report.terms)\n" }
    text += "  \(Output.count(usage.fileCount, "file")), \(Output.bytes(usage.logicalByteCount))\n"
    text += "  stored: \(Output.bytes(usage.exclusiveByteCount)) of its own, "
    text += "\(Output.bytes(usage.sharedByteCount)) shared with others\n"
    if let added = report.addedByteCount {
      text += "  added since it began: \(Output.bytes(added))"
      if let limit = report.maxStoredByteCount { text += ", \(Output.share(of: added, in: limit))" }
      text += "\n"
    } else if let limit = report.maxStoredByteCount {
      text += "  may add \(Output.bytes(limit)); not measured\n"
    }
    for snapshot in addition.addition.snapshots {
      text += "  snapshot \(Output.printable(snapshot))\n"
    }
    return text
  }
}
