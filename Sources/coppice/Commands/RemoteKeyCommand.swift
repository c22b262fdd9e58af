internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

struct RemoteKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Change which keys open a pool.",
    discussion: """
      Each key opens the whole pool. Nothing that the pool has is written anew: a new key wraps \
      the one that all its content is under. Whoever had a key that was taken away, and what it \
      opened, may have kept both.

      Examples:
        coppice remote key add offsite /media/safe/recovery.key
        coppice remote key rotate offsite /root/main-2.key
      """,
    subcommands: [
      RemoteKeyAddCommand.self, RemoteKeyRemoveCommand.self, RemoteKeyRotateCommand.self,
    ])
}

struct RemoteKeyAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Have one more key open a pool.",
    discussion: """
      JSON: \(RemoteKeyRequest.keys).

      Example:
        coppice remote key add offsite /media/safe/recovery.key --label recovery
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  @Argument(help: "Where the key is put: a file that does not exist, outside of the store.")
  var file: String

  @Option(name: .long, help: "What people call the key. Default: the file's name.")
  var label: String?

  func run() throws {
    try options.print(
      try options.perform(
        RemoteKeyRequest(
          remote: name, change: .add, keyFile: HostPath.absolute(file), label: label, number: nil)))
  }
}

struct RemoteKeyRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Have a key open a pool no more.",
    discussion: """
      The last key stays, and so does the one that this store uses: see 'coppice remote key \
      rotate'.

      JSON: \(RemoteKeyRequest.keys).

      Example:
        coppice remote key remove offsite 2
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  @Argument(help: "The key's number, as 'coppice remote check' tells it.")
  var number: UInt32

  func run() throws {
    try options.print(
      try options.perform(
        RemoteKeyRequest(
          remote: name, change: .remove, keyFile: nil, label: nil, number: number)))
  }
}

struct RemoteKeyRotateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate", abstract: "Use a new key from now on, in place of the store's own.",
    discussion: """
      The new key is put into the file and the store's settings name it, then the former one \
      opens the pool no more. Other stores that use that one need a copy of the new file.

      JSON: \(RemoteKeyRequest.keys).

      Example:
        coppice remote key rotate offsite /root/main-2.key
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  @Argument(help: "Where the key is put: a file that does not exist, outside of the store.")
  var file: String

  @Option(name: .long, help: "What people call the key. Default: the file's name.")
  var label: String?

  func run() throws {
    try options.print(
      try options.perform(
        RemoteKeyRequest(
          remote: name, change: .rotate, keyFile: HostPath.absolute(file), label: label,
          number: nil)))
  }
}

extension RemoteKeyRequest.Answer: Reply {
  var text: String {
    let file = report.keyFile ?? report.keyCommand ?? ""
    return "\(Output.printable(report.name)) uses \(Output.printable(file))\n\(addition.text)"
  }
}
