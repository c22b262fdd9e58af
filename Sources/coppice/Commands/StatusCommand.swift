internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Tell whether the store has a server, and what it does.",
    discussion: """
      JSON: \(StatusRequest.keys). Without a server process and startedAt are null.

      Example:
        coppice status
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    try options.print(try StoreAccess(try options.directory()).status())
  }
}

extension StatusRequest.Answer: Reply {
  var text: String {
    guard isRunning, let process, let startedAt else {
      return "\(Output.printable(store)): no server\n"
    }
    var text =
      "\(Output.printable(store)): process \(process) serves it since \(Output.time(startedAt))\n"
    for mount in mounts {
      let cache = mount.usesWritebackCache ? ", with the kernel's writeback cache" : ""
      let rings = mount.usesRings ? ", requests by rings" : ", requests read from the device"
      text += "  mounted on \(Output.printable(mount.directory))\(cache)\(rings)\n"
    }
    return text
  }
}
