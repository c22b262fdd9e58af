internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer

struct PushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Give a pool a copy of a branch or snapshot as it is now.",
    discussion: """
      What the pool has of it already is not sent. A copy is there as a whole or not at all; a \
      push that was ended goes on when the same is pushed again. A branch's copy takes the place \
      of the one before; copies that stay are those of snapshots: push one, or push a branch under \
      a snapshot's name.

      With --follow it is pushed again each time that so much time has passed, until the command \
      is ended. An object store that does not answer meanwhile is waited for.

      JSON: \(PushRequest.keys). With --follow an object for each push.

      Examples:
        coppice push main offsite
        coppice push main offsite/main@2026-12-01 --verify read
        coppice push main offsite --follow 5m
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: ArgumentHelp("A branch or snapshot.", valueName: "ref"))
  var entry: String

  @Argument(
    help: ArgumentHelp(
      "The pool, and what it calls the copy. Default: as the store does.",
      valueName: "remote[/name]"))
  var target: PoolReference

  @Flag(name: .long, help: "Write to the pool from here on, in place of the store that does.")
  var take = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Read back what is sent before the copy is there: 'read'.", valueName: "read"))
  var verify: VerifyArgument?

  @Option(
    name: .long,
    help: ArgumentHelp("Push again after so long, until this is ended.", valueName: "duration"))
  var follow: TimeSpan?

  func validate() throws {
    guard follow?.seconds != 0 else { throw ValidationError("--follow needs some time") }
  }

  func run() throws {
    try options.print(try push(take: take))
    guard let follow else { return }
    while true {
      Pause().wait(nanoseconds: UInt64(follow.nanoseconds))
      do throws(StoreError) {
        try options.print(try push(take: false))
      } catch {
        guard error.kind == .unavailable || error.kind == .inUse else { throw error }
        ErrorReport(error).print(isJSON: options.json)
      }
    }
  }

  private func push(take: Bool) throws(StoreError) -> PushRequest.Answer {
    try options.perform(
      PushRequest(
        entry: entry, remote: target.remote, target: target.name, take: take,
        verify: verify != nil),
      showing: "push")
  }
}

/// How a copy is verified.
enum VerifyArgument: String, ExpressibleByArgument, CaseIterable {
  case read
}

extension PushRequest.Answer: Reply {
  var text: String {
    let place = Output.printable("\(remote)/\(name)")
    var text =
      isUnchanged
      ? "\(place) is up to date\n"
      : "Pushed \(place): \(Output.count(Int(clamping: pageCount), "page")), "
        + "\(Output.bytes(byteCount))\n"
    if isVerified { text += "  read back: it is what was written\n" }
    return text + traffic.text
  }
}

extension PoolTraffic {
  /// One line.
  var text: String {
    var text = "  \(Output.count(requestCount, "request"))"
    if repeatCount > 0 { text += ", \(repeatCount) of them again" }
    return text + ": \(Output.bytes(sentByteCount)) sent, \(Output.bytes(receivedByteCount)) come\n"
  }
}
