internal import ArgumentParser
internal import CoppiceLifecycle
internal import CoppiceServer

struct PutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Write standard input to a file of a branch.",
    discussion: """
      The file is made, with the directories on its path, or gets new content; readers see the old \
      content or the new. The change is durable when the command ends. While a PostgreSQL server \
      works on the branch this needs --force.

      JSON: \(FilePutRequest.keys).

      Examples:
        echo "max_connections = 20" | coppice put experiment:postgresql.auto.conf
        coppice put machines:scratch.img --zeros 10G
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "BRANCH:PATH.")
  var file: Reference

  @Option(
    name: .long, parsing: .unconditional,
    help: "Write this many zero bytes, which take no space. \(ByteCount.help)")
  var zeros: ByteCount?

  @Flag(name: .long, help: "Write it also while a PostgreSQL server works on the branch.")
  var force = false

  func run() throws {
    let source = zeros == nil ? try HeldFile.standardInput() : nil
    try options.print(
      try options.perform(
        FilePutRequest(
          entry: file.name, path: file.path, source: source?.file, zeroByteCount: zeros?.value,
          force: force),
        holding: source))
  }
}

extension FilePutRequest.Answer: Reply {
  var text: String {
    "Wrote \(Output.bytes(byteCount)) to \(Output.printable("\(branch):\(path)"))\n"
  }
}
