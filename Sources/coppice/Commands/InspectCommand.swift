internal import ArgumentParser
internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what lies in the store's files.",
    discussion: """
      Reads the files as they are, without opening the store: a damaged store can be looked at. \
      The catalogue has the numbers of segments and the frames of branches' root nodes, whose refs \
      lead to the other nodes. The article on the disk format explains the words; the JSON keys \
      are in the help of each.

      Example:
        coppice inspect catalogue
      """,
    subcommands: [
      InspectSuperblockCommand.self, InspectCatalogueCommand.self, InspectJournalCommand.self,
      InspectSegmentCommand.self, InspectNodeCommand.self,
    ])
}

struct InspectSuperblockCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "superblock", abstract: "Identity, format version, flags and sizes.",
    discussion: """
      JSON: \(SuperblockInspection.keys).

      Example:
        coppice inspect superblock
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    try options.print(try SuperblockInspection(StoreInspector(options)))
  }
}

struct InspectCatalogueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalogue", abstract: "Branches and segments as last checkpointed.",
    discussion: """
      JSON: \(CatalogueInspection.keys). A branch that isCondemned cannot be restored, and goes \
      once what only it had is gone; rootName is the frame of its root node, null when it is \
      empty; through is null of an interval that is open.

      Example:
        coppice inspect catalogue
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    try options.print(try CatalogueInspection(StoreInspector(options)))
  }
}

struct InspectJournalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal", abstract: "Journal files and the records in them.",
    discussion: """
      JSON: \(JournalInspection.keys). What may be null is, but for problem, of a file that is \
      prepared only; records says how many there are of each kind, problem why the batches end \
      early.

      Example:
        coppice inspect journal
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    try options.print(try JournalInspection(StoreInspector(options)))
  }
}

struct InspectSegmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "segment", abstract: "The bundles and frames of a segment.",
    discussion: """
      JSON: \(SegmentInspection.keys). frames is null without --frames; problem says why the \
      bundles end early.

      Example, with a segment's number that 'coppice inspect catalogue' shows:
        coppice inspect segment 1 --frames
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The segment's number.")
  var id: UInt64

  @Flag(name: .long, help: "List every frame.")
  var frames = false

  func run() throws {
    let inspector = try StoreInspector(options)
    try options.print(try SegmentInspection(SegmentID(id), inspector, lists: frames))
  }
}

struct InspectNodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "A node and its refs.",
    discussion: """
      JSON: \(NodeInspection.keys). base is the node that it is stored as a difference to.

      Example, with the root of a branch that 'coppice inspect catalogue' shows:
        coppice inspect node 1/207
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The node's frame, as SEGMENT/ORDINAL.")
  var name: String

  func run() throws {
    guard let frame = FrameName(name) else {
      throw StoreError(
        .invalid, "is no frame name", object: name, remedy: "write it as SEGMENT/ORDINAL: 1/207")
    }
    try options.print(try NodeInspection(frame, StoreInspector(options)))
  }
}
