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
      JSON: identifier, formatVersion, compatibleFlags, readCompatibleFlags, incompatibleFlags, \
      hashKind, pageByteCount, nodeSlotCount.

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
      JSON: file, lsn, checkpointedAt, nextBranch, nextVolume, nextSegment, nextDomain; branches, \
      each with id, name, domain, isSnapshot, isDeleted, isCondemned (it cannot be restored, and \
      goes once what only it had is gone), rootHash, rootName (the frame of its root node; null \
      when it is empty), intervals (writer, from, through, null of an open one), createdAt, \
      annotations (tag, byteCount); segments, each with id, domain, isClosed, isHost, byteCount, \
      frameCount; retired, each with id, hosts; settings, each with key, byteCount.

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
      JSON: files, each with name, byteCount, sequence, isControl, firstLSN, previousLSN, lastLSN \
      (the five are null of a file that is prepared only), batchCount, records (how many of each \
      kind), problem (null, or why the batches end early).

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
      JSON: id, domain, byteCount; bundles, each with offset, firstOrdinal, frameCount, \
      framesByteCount, directoryByteCount, lsn, hasHomeNames; totals, each with form, frameCount, \
      storedByteCount; frames (null without --frames), each with name, offset, storedByteCount, \
      form, volume, page, base, home (both null without); problem (null, or why the bundles end \
      early).

      Example, with a segment's number that 'coppice inspect catalogue' shows:
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
      JSON: name, kind, level, firstKey, byteCount, modifiedAt, id, base (the node that it is \
      stored as a difference to, or null); slots, each with slot, hash, name, offset, \
      storedByteCount, form.

      Example, with the root of a branch that 'coppice inspect catalogue' shows:
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
