internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct PullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Make a branch of a copy in a pool.",
    discussion: """
      Every page is verified, and the branch is there as a whole or not at all. It lies in the \
      trust domain of the copy's name and class, which is made if it is missing. With --replace a \
      branch that exists gets the copy's content; what it has of that already is not fetched.

      JSON: \(PullRequest.keys).

      Examples:
        coppice pull offsite/main restored
        coppice pull offsite/main@2026-12-01 main --replace
      """)

  @OptionGroup var options: StoreArguments

  @Argument(
    help: ArgumentHelp("A copy: REMOTE/BRANCH or REMOTE/BRANCH@SNAPSHOT.", valueName: "remote/ref"))
  var copy: PoolReference

  @Argument(help: "The branch. Default: as the pool calls it.")
  var name: String?

  @Flag(name: .long, help: "Give a branch that exists the copy's content.")
  var replace = false

  func validate() throws { _ = try copy.copy() }

  func run() throws {
    let entry = try copy.copy()
    try options.print(
      try options.perform(
        PullRequest(
          remote: copy.remote, copy: entry, branch: name ?? StoreClone.branch(of: entry),
          replace: replace),
        showing: "pull"))
  }
}

extension PullRequest.Answer: Reply {
  var text: String {
    "Pulled \(Output.printable("\(remote)/\(copy)")) of \(Output.time(createdAt)) into "
      + "\(Output.printable(branch)): \(Output.count(Int(clamping: pageCount), "page")), "
      + "\(Output.bytes(byteCount))\n\(traffic.text)"
  }
}
