internal import ArgumentParser
internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what lies in the store's files.",
    discussion: """
      Reads the files as they are, without opening the store: a damaged store can be looked at. JSON \
      has the same content; see the article on the disk format for its words.

      Examples:
        coppice inspect superblock
        coppice inspect segment 1 --frames
        coppice inspect node 1/207
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
      Example:
        coppice inspect superblock
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.print(try SuperblockInspection(StoreInspector(options)))
  }
}

struct InspectCatalogueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalogue", abstract: "Branches and segments as last checkpointed.",
    discussion: """
      Example:
        coppice inspect catalogue
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.print(try CatalogueInspection(StoreInspector(options)))
  }
}

struct InspectJournalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal", abstract: "Journal files and the records in them.",
    discussion: """
      Example:
        coppice inspect journal
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.print(try JournalInspection(StoreInspector(options)))
  }
}

struct InspectSegmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "segment", abstract: "The bundles and frames of a segment.",
    discussion: """
      Example:
        coppice inspect segment 1 --frames
      """)

  @OptionGroup var options: StoreOptions

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
      Example:
        coppice inspect node 1/207
      """)

  @OptionGroup var options: StoreOptions

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
