internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a new, empty store.",
    discussion: """
      The directory is made if it does not exist, and must be empty. It belongs on a local file \
      system.

      JSON: \(Answer.keys).

      Example:
        coppice init --store /var/lib/coppice
      """)

  @OptionGroup var options: StoreArguments

  @Option(
    name: .long, parsing: .unconditional,
    help: "Bytes of a page: 4KiB to 64KiB. It cannot be changed later.")
  var pageSize = ByteCount(8192)

  func run() throws {
    let directory = try options.directory()
    var storeOptions = Store.Options()
    storeOptions.pageByteCount = Int(clamping: pageSize.value)
    let store = try Store.create(at: directory, options: storeOptions)
    let answer = Answer(
      store: directory, identifier: store.identifier, pageByteCount: store.pageByteCount)
    try store.close()
    try options.print(answer)
  }

  struct Answer: Reply, Decodable {
    var store: String
    var identifier: String
    var pageByteCount: Int

    var text: String {
      "Made the store \(Output.printable(store)) with pages of "
        + "\(Output.bytes(UInt64(pageByteCount)))\n"
    }
  }
}
