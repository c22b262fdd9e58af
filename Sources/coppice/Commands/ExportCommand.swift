internal import ArgumentParser
internal import CoppiceServer

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
    let held =
      target == "-" ? try HeldFile.standardOutput() : try HeldFile(target: target)
    let answer = try options.perform(
      ExportRequest(entry: source.name, path: source.path, target: held.file, tar: tar),
      holding: held, showing: "export")
    try held.finish()
    if target != "-" { try options.print(answer) }
  }
}

extension ExportRequest.Answer: Reply {
  var text: String {
    var text = "Exported \(Output.count(fileCount, "file")), \(Output.bytes(byteCount)), "
    text += "to \(Output.printable(target))\n"
    for note in notes { text += "  note: \(Output.printable(note))\n" }
    return text
  }
}
