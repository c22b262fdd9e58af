internal import ArgumentParser
internal import CoppiceServer

struct ScrubCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scrub", abstract: "Read and verify all stored data.",
    discussion: """
      Decodes every stored page and node and compares it with its hash. Changes nothing. Ends with \
      status 2 when it finds damage. With --limit it stops early and says where to go on with \
      --from. JSON: isClean, findings (as 'coppice check' has them), omittedCount, frameCount, \
      byteCount, next (null at the end).

      Example:
        coppice scrub --rate 50M --limit 10G
      """)

  @OptionGroup var options: StoreOptions

  @Option(name: .long, help: "Bytes to read in a second at most. Units: K, M, G.")
  var rate: ByteCount?

  @Option(name: .long, help: "Stop after about this many bytes. Units: K, M, G, T.")
  var limit: ByteCount?

  @Option(name: .long, help: "Go on where an earlier scrub said.")
  var from: String?

  func run() throws {
    let answer = try options.perform(
      ScrubRequest(byteCountPerSecond: rate?.value, byteCountMax: limit?.value, from: from),
      showing: "scrub")
    try options.print(answer)
    if !answer.isClean { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension ScrubRequest.Answer: Reply {
  var text: String {
    let counts = "\(Output.count(frameCount, "frame")), \(Output.bytes(byteCount))"
    let rest = next.map { "Go on with --from \($0)\n" } ?? ""
    if isClean { return "No damage found in \(counts)\n\(rest)" }
    let more = omittedCount > 0 ? "and \(Output.count(omittedCount, "more finding"))\n" : ""
    return findings.map(\.text).joined() + more + "Read \(counts)\n\(rest)"
  }
}
