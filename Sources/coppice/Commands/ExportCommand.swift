internal import ArgumentParser
internal import Coppice

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a branch, or a part of it, to the file system.",
    discussion: """
      TARGET must not exist, or be an empty directory; - is standard output. Times, owners, \
      permissions, extended attributes, hard links and holes are restored. What is not whole yet \
      carries 'incomplete' in its name.

      JSON: source, target, fileCount, directoryCount, symbolicLinkCount, specialFileCount, \
      hardLinkCount, byteCount, notes. Nothing is printed when TARGET is -.

      Examples:
        coppice export experiment /var/lib/postgresql/15/experiment
        coppice export --tar main@monday - | tar -tv
        coppice export machines:web/disk.img disk.img
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A branch or snapshot, or REF:PATH for a part of it.")
  var source: Reference

  @Argument(help: "A path that does not exist, an empty directory, or - for standard output.")
  var target: String

  @Flag(name: .long, help: "Write a tar stream.")
  var tar = false

  func run() throws {
    let progress = ProgressLine("export", isJSON: options.json)
    var exportOptions = ExportOptions()
    exportOptions.isTar = tar
    if let progress { exportOptions.progress = { progress.update($0) } }
    let to: ExportTarget = target == "-" ? .stream(fileDescriptor: 1) : .path(target)

    let report = try options.withStore(isReadOnly: true) { store in
      defer { progress?.finish() }
      return try store.tree(source.name).exportFiles(
        at: try source.branchPath(), to: to, options: exportOptions)
    }
    if target != "-" { try options.print(Answer(report, source, target)) }
  }

  struct Answer: Reply {
    var source: String
    var target: String
    var fileCount: Int
    var directoryCount: Int
    var symbolicLinkCount: Int
    var specialFileCount: Int
    var hardLinkCount: Int
    var byteCount: UInt64
    var notes: [String]

    init(_ report: ExportReport, _ source: Reference, _ target: String) {
      self.source = source.text
      self.target = target
      fileCount = report.fileCount
      directoryCount = report.directoryCount
      symbolicLinkCount = report.symbolicLinkCount
      specialFileCount = report.specialFileCount
      hardLinkCount = report.hardLinkCount
      byteCount = report.byteCount
      notes = report.notes
    }

    var text: String {
      var text = "Exported \(Output.count(fileCount, "file")), \(Output.bytes(byteCount)), "
      text += "to \(Output.printable(target))\n"
      for note in notes { text += "  note: \(Output.printable(note))\n" }
      return text
    }
  }
}
