internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct BaselineRefreshCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh", abstract: "Bring a baseline up to date.",
    discussion: """
      The content of its source is brought in anew, of which equal pages cost nothing; it is \
      verified, prepared, and becomes a snapshot NAME@TIME that is approved, unless the baseline's \
      class is lower than its source's. Whatever fails, the newest snapshot before stays the \
      newest, and branches keep what they have. Takes a server with its mount.

      Preparing makes a cluster on which a server starts at once: recovered and ended in order, \
      without slots, prepared transactions and enabled subscriptions, without the origin's \
      configuration, passwords of roles, options of user mappings and connection strings of \
      subscriptions.

      JSON: \(BaselineRefreshRequest.keys).

      Example:
        coppice baseline refresh prod
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The baseline.")
  var name: String

  func run() throws {
    try options.print(
      try options.perform(BaselineRefreshRequest(name: name), showing: "refresh"))
  }
}

extension BaselineRefreshRequest.Answer: Reply {
  var text: String {
    let verb = report.outcome == "approved" ? "Approved" : "Made, to be approved:"
    return "\(verb) \(Output.printable(report.snapshot ?? "")): "
      + "\(Output.bytes(report.byteCount)) brought in, \(Output.bytes(report.storedByteCount)) "
      + "stored\n"
  }
}
