internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct ScrubCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scrub", abstract: "Read and verify all stored data.",
    discussion: """
      Decodes every stored page and node and compares it with its hash. Ends with status 2 when it \
      finds damage. With --limit, or when it is ended, it stops early; the next call goes on where \
      it stopped: the store keeps the place. With --from nothing is kept and the store is only \
      read.

      JSON: \(ScrubRequest.keys). next is null at the end; all that was stored at \
      completePassStartedAt was verified since, which is null before the first pass has ended. \
      Findings are as 'coppice check' has them.

      With --remote all that a pool's copies consist of is read and verified instead, from the \
      object store, and those that are whole are noted as verified.

      JSON with --remote: \(RemoteScrubRequest.keys).

      Examples:
        coppice scrub --rate 50M --limit 10G
        coppice scrub --remote offsite
      """)

  @OptionGroup var options: StoreArguments

  @Option(
    name: .long, parsing: .unconditional,
    help: "Bytes to read in a second at most. \(ByteCount.help)")
  var rate: ByteCount?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Stop after about this many bytes. \(ByteCount.help)")
  var limit: ByteCount?

  @Option(name: .long, help: "Begin there: what 'next' was of an earlier scrub.")
  var from: String?

  @Flag(name: .long, help: "Begin anew although an earlier scrub stopped before its end.")
  var restart = false

  @Option(
    name: .long,
    help: ArgumentHelp("A pool that is read instead of the store.", valueName: "remote"))
  var remote: String?

  func validate() throws {
    guard remote == nil || (rate == nil && limit == nil && from == nil && !restart) else {
      throw ValidationError("--remote goes with none of the other options")
    }
  }

  func run() throws {
    if let remote {
      try options.printFindings(
        try options.perform(RemoteScrubRequest(remote: remote, structure: false), showing: "scrub"))
      return
    }
    let answer = try options.perform(
      ScrubRequest(
        byteCountPerSecond: rate?.value, byteCountMax: limit?.value, from: from, restart: restart),
      showing: "scrub")
    try options.print(answer)
    if !answer.isClean { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension ScrubReport: Reply {
  var text: String {
    let counts = "\(Output.count(frameCount, "frame")), \(Output.bytes(byteCount))"
    let since =
      completePassStartedAt.map {
        "All data of \(Output.time($0)) and before was verified since\n"
      } ?? ""
    let rest =
      next.map { _ in "Stopped early: the next scrub goes on from here\n\(since)" } ?? since
    if isClean { return "No damage found in \(counts)\n\(rest)" }
    let more = omittedCount > 0 ? "and \(Output.count(omittedCount, "more finding"))\n" : ""
    return findings.map(\.text).joined() + more + "Read \(counts)\n\(rest)"
  }
}
