internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct RemoteCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Probe a pool's object store, and tell who writes to the pool.",
    discussion: """
      Some hundred small objects are written under the prefix and removed, as by 'coppice remote \
      add'. What the pool has is verified by 'coppice check --remote' and 'coppice scrub --remote'.

      JSON: \(RemoteCheckRequest.keys). clockOffsetSeconds is what the object store's clock shows \
      before this machine's.

      Example:
        coppice remote check offsite
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  func run() throws { try options.print(try options.perform(RemoteCheckRequest(remote: name))) }
}

extension RemoteCheckRequest.Answer: Reply {
  var text: String {
    var text = "The object store of \(Output.printable(addition.remote)) keeps its promises: "
    text += "\(Output.count(addition.roundCount, "race")) had one winner each\n"
    if let seconds = addition.clockOffsetSeconds, abs(seconds) > 1 {
      text += "  its clock is \(abs(seconds)) s \(seconds > 0 ? "before" : "behind") this one\n"
    }
    return text + report.text
  }
}

extension PoolAnswer {
  /// Lines that tell who takes part and which keys open the pool.
  var text: String {
    var text = "  pool \(pool), pages of \(Output.bytes(UInt64(pageByteCount)))\n"
    for member in members {
      text += "  member \(member.number), \(member.state): \(Output.printable(member.name))\n"
    }
    for key in keys {
      text += "  key \(key.number)\(key.isOwn ? ", used here" : ""): "
      text += "\(Output.printable(key.name))\n"
    }
    return text
  }
}

struct RemoteRejoinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejoin", abstract: "Go on writing to a pool where a copy of the store did.",
    discussion: """
      A store whose directory was copied, or set back to an older state, is the same member of a \
      pool as the other one: whoever comes second is refused. This makes the store a new member, \
      and ends the one that both were.

      JSON: \(RemoteRejoinRequest.keys).

      Example:
        coppice remote rejoin offsite
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  func run() throws { try options.print(try options.perform(RemoteRejoinRequest(remote: name))) }
}

extension RemoteRejoinRequest.Answer: Reply {
  var text: String {
    "\(Output.printable(member)) writes to \(Output.printable(remote)), as a new member\n"
  }
}
