internal import ArgumentParser
internal import Coppice

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Bring a directory, a file or a stream into a branch.",
    discussion: """
      SOURCE is a directory, a file, or - for standard input. The branch is made; a target that \
      exists needs --replace, which makes it exactly like the source: files that are gone go, equal \
      pages cost nothing. The branch changes at once or not at all.

      The data directory of a running PostgreSQL is refused: import the stream of pg_basebackup.

      JSON: branch, path, fileCount, directoryCount, symbolicLinkCount, specialFileCount, \
      hardLinkCount, byteCount, unchangedFileCount, removedCount, storedByteCount, isDryRun, notes.

      Examples:
        coppice import /var/lib/postgresql/15/main main
        pg_basebackup -Ft -X fetch -D - | coppice import --tar - main
        coppice import disk.img machines:web/disk.img
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A directory, a file, or - for standard input.")
  var source: String

  @Argument(help: "The branch, or BRANCH:PATH for a place in it.")
  var target: Reference

  @Flag(name: .long, help: "The source is a tar stream.")
  var tar = false

  @Flag(name: .long, help: "Make an existing target exactly like the source.")
  var replace = false

  @Flag(name: .long, help: "Read all files, also those whose times say that they did not change.")
  var checksum = false

  @Flag(name: .long, help: "Read and compare everything, but change nothing.")
  var dryRun = false

  func run() throws {
    let progress = ProgressLine("import", isJSON: options.json)
    var importOptions = ImportOptions()
    importOptions.isTar = tar
    importOptions.isReplacing = replace
    importOptions.readsAllFiles = checksum
    importOptions.isDryRun = dryRun
    if let progress { importOptions.progress = { progress.update($0) } }
    let from: ImportSource = source == "-" ? .stream(fileDescriptor: 0) : .path(source)

    let answer = try options.withStore(isReadOnly: false) { store in
      defer { progress?.finish() }
      let report = try store.importFiles(
        from: from, into: target.name, at: try target.branchPath(), options: importOptions)
      return Answer(report, target, isDryRun: dryRun)
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var branch: String
    var path: String
    var fileCount: Int
    var directoryCount: Int
    var symbolicLinkCount: Int
    var specialFileCount: Int
    var hardLinkCount: Int
    var byteCount: UInt64
    var unchangedFileCount: Int
    var removedCount: Int
    var storedByteCount: UInt64
    var isDryRun: Bool
    var notes: [String]

    init(_ report: ImportReport, _ target: Reference, isDryRun: Bool) {
      branch = target.name
      path = target.path ?? ""
      fileCount = report.fileCount
      directoryCount = report.directoryCount
      symbolicLinkCount = report.symbolicLinkCount
      specialFileCount = report.specialFileCount
      hardLinkCount = report.hardLinkCount
      byteCount = report.byteCount
      unchangedFileCount = report.unchangedFileCount
      removedCount = report.removedCount
      storedByteCount = report.storedByteCount
      self.isDryRun = isDryRun
      notes = report.notes
    }

    var text: String {
      let place = Output.printable(path.isEmpty ? branch : "\(branch):\(path)")
      let verb = isDryRun ? "Would import" : "Imported"
      var text = "\(verb) \(Output.count(fileCount, "file")), \(Output.bytes(byteCount)), "
      text += "into \(place)\n"
      if unchangedFileCount > 0 {
        text += "  \(Output.count(unchangedFileCount, "file")) had not changed\n"
      }
      if removedCount > 0 { text += "  \(Output.count(removedCount, "name")) removed\n" }
      if specialFileCount > 0 {
        text += "  \(Output.count(specialFileCount, "special file")) kept as nodes\n"
      }
      if !isDryRun { text += "  \(Output.bytes(storedByteCount)) stored\n" }
      for note in notes { text += "  note: \(Output.printable(note))\n" }
      return text
    }
  }
}
