internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Bring a directory, a file or a stream into a branch.",
    discussion: """
      SOURCE is a directory, a file, or - for standard input. The branch is made; a target that \
      exists needs --replace, which makes it exactly like the source: files that are gone go, \
      equal pages cost nothing. The branch changes at once or not at all. Trees may be of any \
      depth, and members of archives have paths of any length; times before 1677 and after 2262 \
      become the nearest in these years.

      A branch that is made lies in the trust domain raw, or where --domain or --class says (see \
      'coppice domain --help'); one that exists stays in its own.

      A branch with open files is replaced only with --force: what has them open gets errors from \
      then on. The data directory of a running PostgreSQL is refused: import the stream of \
      pg_basebackup. A directory of the store's own mount is refused: export its branch with --tar \
      to 'coppice import --tar -', which takes it as it is at one moment.

      JSON: \(ImportRequest.keys).

      Examples:
        coppice import /var/lib/postgresql/15/main main
        pg_basebackup -Ft -X fetch -D - | coppice import --tar - main
        coppice import disk.img machines:web/disk.img
      """)

  @OptionGroup var options: StoreArguments

  @OptionGroup var domainOptions: DomainOptions

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

  @Flag(name: .long, help: "Replace a branch also while files of it are open.")
  var force = false

  @Flag(name: .long, help: "Read and compare everything, but change nothing.")
  var dryRun = false

  func run() throws {
    let held =
      source == "-" ? try HeldFile.standardInput() : try HeldFile(source: source)
    try options.print(
      try options.perform(
        ImportRequest(
          source: held.file, branch: target.name, path: target.path,
          domain: domainOptions.name, tar: tar, replace: replace, checksum: checksum,
          force: force, dryRun: dryRun),
        holding: held, showing: dryRun ? "compare" : "import",
        waitingFor: source == "-" ? "standard input" : nil))
  }
}

extension ImportRequest.Answer: Reply {
  var text: String {
    let place = Output.printable(
      addition.path.isEmpty ? addition.branch : "\(addition.branch):\(addition.path)")
    let verb = addition.isDryRun ? "Would import" : "Imported"
    var text =
      "\(verb) \(Output.count(report.fileCount, "file")), \(Output.bytes(report.byteCount)), "
    text += "into \(place)\n"
    if report.unchangedFileCount > 0 {
      text += "  \(Output.count(report.unchangedFileCount, "file")) had not changed\n"
    }
    if report.removedCount > 0 {
      text += "  \(Output.count(report.removedCount, "name")) removed\n"
    }
    if report.specialFileCount > 0 {
      text += "  \(Output.count(report.specialFileCount, "special file")) kept as nodes\n"
    }
    if !addition.isDryRun { text += "  \(Output.bytes(report.storedByteCount)) stored\n" }
    for note in report.notes { text += "  note: \(Output.printable(note))\n" }
    return text
  }
}
