internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

struct CloneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clone", abstract: "Make a store of a pool's family, and bring copies into it.",
    discussion: """
      Nothing is needed but the pool and its key. The new store has the pool's page size, knows \
      the pool as a remote, and has the copies that --from names as branches; without any it is \
      empty, and 'coppice pull' brings more. Another store goes on writing to the pool: see \
      'coppice push --take'.

      JSON: \(Shape(of: StoreClone.Summary.self).keys).

      Example:
        coppice clone s3://backups/main /srv/again --key-file /media/safe/main.key --from main
      """)

  @Argument(help: ArgumentHelp("s3://BUCKET/PREFIX.", valueName: "url"))
  var url: String

  @Argument(help: "The new store's directory. It is made if it does not exist.")
  var directory: String

  @OptionGroup var remote: RemoteArguments

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp(
      "A copy, BRANCH or BRANCH@SNAPSHOT, that becomes a branch; may come often.",
      valueName: "ref"))
  var copies: [String] = []

  @Option(name: .long, help: "What the new store calls the pool.")
  var name = "origin"

  @Flag(name: .long, help: "Answer in JSON; errors too, on standard error.")
  var json = false

  func run() throws {
    let line = ProgressLine("clone", isJSON: json)
    EndSignals.note()
    let tell = line.map { line in { @Sendable (progress: WorkProgress) in line.update(progress) } }
    let work = Work(tell: tell) { EndSignals.areNoted }
    do throws(StoreError) {
      let summary = try StoreClone(remote.place(url), as: name).make(
        at: directory, bringing: copies, work)
      line?.finish()
      try Output.print(summary, isJSON: json)
    } catch {
      line?.finish()
      EndSignals.endIfNoted()
      throw error
    }
  }
}

extension StoreClone.Summary: Reply {
  var text: String {
    var text = "Made the store \(Output.printable(store)) with pages of "
    text += "\(Output.bytes(UInt64(pageByteCount)))\n"
    for branch in branches {
      text += "  \(Output.printable(branch.branch)): "
      text += "\(Output.count(Int(clamping: branch.pageCount), "page")), "
      text += "\(Output.bytes(branch.byteCount))\n"
    }
    let others = copies.filter { copy in !branches.contains { $0.copy == copy } }
    for copy in others.prefix(Self.shownCountMax) {
      text += "  bring more: coppice pull \(Output.printable("\(remote)/\(copy)"))\n"
    }
    return text + traffic.text
  }

  private static let shownCountMax = 10
}
