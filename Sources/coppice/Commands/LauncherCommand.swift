internal import ArgumentParser
internal import Coppice
internal import CoppiceInstances
internal import CoppicePlatform

/// The process that starts instances for a server, which starts it.
struct LauncherCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launcher", abstract: "Start PostgreSQL servers for the server that started this.",
    shouldDisplay: false)

  @Option(name: .long) var users: String?
  @Option(name: .long) var owner: UInt32
  @Option(name: .long) var ownerName: String?
  @Option(name: .long) var mount: String?
  @Option(name: .customLong("run")) var runDirectory: String
  @Option(name: .long) var programs: [String] = []
  @Option(name: .long) var isolation: String

  func run() throws {
    guard let server = MessageSocket(inherited: LauncherProcess.serverDescriptor),
      let isolationMax = Isolation(rawValue: isolation)
    else {
      throw StoreError(
        .invalid, "a launcher is started by the server, and serves nobody else",
        remedy: "use 'coppice serve'")
    }
    var range: UserRange?
    if let users { range = try UserRange(users) }
    let settings = LauncherSettings(
      users: range, owner: owner, ownerName: ownerName, mountDirectory: mount,
      runDirectory: runDirectory, programDirectories: programs, isolationMax: isolationMax)
    try LauncherProcess.run(settings, server: server)
  }
}
