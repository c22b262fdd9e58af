internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct RemoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remote", abstract: "Know pools: copies of branches in an object store.",
    discussion: """
      A pool lies under one prefix of a bucket of an object store that speaks S3. It has copies of \
      branches and snapshots, encrypted here by a key that the object store never sees; what two \
      copies have in common it has once. One store writes to a pool; any store that has the key \
      reads it.

      Example:
        coppice remote add offsite s3://backups/main --key-file /root/main.key --create
        coppice push main offsite
      """,
    subcommands: [
      RemoteAddCommand.self, RemoteListCommand.self, RemoteShowCommand.self,
      RemoteCheckCommand.self, RemoteRejoinCommand.self, RemoteRemoveCommand.self,
      RemoteKeyCommand.self,
    ])
}

struct RemoteAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Know a pool by a name, and make it if asked to.",
    discussion: """
      The object store is probed first: some hundred small objects are written under the prefix \
      and removed. One that would lose changes is refused, with the reason.

      With --create the pool is made, and its key file if it is not there. Without that key the \
      pool is noise, for everybody and for ever: keep a copy of the file away from this machine. \
      The store's settings have the path of the file or the command, never the key.

      A pool has one page size and one family of stores: stores that were cloned from it, or that \
      made it. The store that writes to a pool is the one that made it; with --take this one does \
      from here on, and the next change of the other one is refused.

      JSON: \(RemoteAddRequest.keys). writer is the store that writes to the pool, and null where \
      none does.

      Examples:
        coppice remote add offsite s3://backups/main --key-file /root/main.key --create
        coppice remote add r2 s3://backups/main --key-file /root/main.key --region auto \\
          --endpoint https://ACCOUNT.r2.cloudflarestorage.com
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "What the store calls the pool.")
  var name: String

  @Argument(help: ArgumentHelp("s3://BUCKET/PREFIX.", valueName: "url"))
  var url: String

  @OptionGroup var remote: RemoteArguments

  @Flag(name: .long, help: "Make the pool, and the key file if it is not there.")
  var create = false

  @Flag(name: .long, help: "Write to the pool from here on, in place of the store that does.")
  var take = false

  func run() throws {
    try options.print(
      try options.perform(
        RemoteAddRequest(remote: name, place: remote.place(url), create: create, take: take)))
  }
}

extension RemoteAddRequest.Answer: Reply {
  var text: String {
    var text = addition.isNew ? "Made the pool " : "Added the pool "
    text += "\(Output.printable(report.url)) as \(Output.printable(report.name))\n"
    if addition.hasMadeKey, let file = report.keyFile {
      text += "  its key is in \(Output.printable(file)): without that the pool is noise\n"
      text += "  keep a copy of the file away from this machine\n"
    }
    if addition.entryCount > 0 {
      text += "  it has \(Output.count(addition.entryCount, "copy"))\n"
    }
    if let writer = addition.writer { text += "  \(Output.printable(writer)) writes to it\n" }
    return text
  }
}

struct RemoteListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the pools that the store knows.",
    discussion: """
      JSON: \(RemoteListRequest.keys).

      Example:
        coppice remote list
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.perform(RemoteListRequest())) }
}

extension RemoteListRequest.Answer: Reply {
  var text: String {
    var table = TextTable(("name", .left), ("place", .left), ("endpoint", .left))
    for remote in remotes { table.add(remote.name, remote.url, remote.endpoint ?? "") }
    return table.text
  }
}

struct RemoteShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Tell how a pool is reached, without asking it.",
    discussion: """
      JSON: \(RemoteShowRequest.keys). endpoint is null for AWS, region for us-east-1.

      Example:
        coppice remote show offsite
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  func run() throws { try options.print(try options.perform(RemoteShowRequest(remote: name))) }
}

struct RemoteRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Forget how a pool is reached.",
    discussion: """
      The pool stays as it is, and so does its key file. What the store must not forget of the \
      pool stays in the folder 'remotes' of its directory: added again, it goes on as the store \
      that it was.

      JSON: \(RemoteRemoveRequest.keys).

      Example:
        coppice remote remove offsite
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The remote.")
  var name: String

  func run() throws { try options.print(try options.perform(RemoteRemoveRequest(remote: name))) }
}

extension RemoteAnswer: Reply {
  var text: String {
    var text = "\(Output.printable(name))\n  \(Output.printable(url))"
    if let endpoint { text += " at \(Output.printable(endpoint))" }
    if let region { text += ", region \(Output.printable(region))" }
    if isPathStyle { text += ", with the bucket in the path" }
    text += "\n  pool \(pool)\n"
    if let keyFile { text += "  key file \(Output.printable(keyFile))\n" }
    if let keyCommand { text += "  key command \(Output.printable(keyCommand))\n" }
    text += "  credentials \(Output.printable(credentials))\n"
    if let certificateFile { text += "  certificates \(Output.printable(certificateFile))\n" }
    return text + "  added \(Output.time(addedAt))\n"
  }
}
