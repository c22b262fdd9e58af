internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

struct BackupDrillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: "Try whether a copy is a backup.",
    discussion: """
      An empty store is made with nothing but the pool and its key, the copy is brought into it \
      with every page verified, and the store is checked. With --run the command is run by \
      /bin/sh, with the store in COPPICE_STORE and its branch in COPPICE_BRANCH; it has passed \
      when that ends with 0. The store is removed in the end, and the pool keeps the result, which \
      'coppice backup list' shows.

      Ends with status 2 when the command or the check fails, and with 75 when the object store \
      does not answer.

      JSON: \(BackupDrillRequest.keys). status is that of the command, or 128 and the number of \
      the signal that ended it; output is the last that it printed.

      Example:
        coppice backup drill offsite/main --run 'coppice export $COPPICE_BRANCH - --tar | tar t'
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: ArgumentHelp("The copy.", valueName: "remote/ref"))
  var copy: PoolReference

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("What is run on the new store.", valueName: "command"))
  var command: String?

  @Option(
    name: .long,
    help: "Where the store is made, with room for all of it. Default: TMPDIR, or /tmp.")
  var directory: String?

  func validate() throws { _ = try copy.copy() }

  func run() throws {
    // What was begun is taken back when this is ended.
    EndSignals.note()
    let answer = try options.perform(
      BackupDrillRequest(
        remote: copy.remote, copy: try copy.copy(), command: command,
        folder: directory.map(HostPath.absolute)),
      showing: "drill")
    for note in answer.notes where !options.json { Output.note(note) }
    try options.print(answer)
    if !answer.isPassed { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension BackupDrillRequest.Answer: Reply {
  var text: String {
    let place = Output.printable("\(remote)/\(copy)")
    let what = "\(Output.bytes(byteCount)) in \(Output.count(seconds, "second"))"
    guard isPassed else {
      let lines = output.split(separator: "\n").map { "  \(Output.printable(String($0)))\n" }
      return "\(place) did not pass: status \(status), \(what)\n\(lines.joined())"
    }
    return "\(place) passed: \(what)\n"
  }
}
