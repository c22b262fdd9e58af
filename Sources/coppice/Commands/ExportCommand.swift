internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a branch, or a part of it, to the file system.",
    discussion: """
      TARGET must not exist, or be an empty directory; - is standard output, and pipes and devices \
      are written to. All that is written is of one moment, also while the branch is in use. \
      Times, owners, permissions, extended attributes, hard links and holes are restored. What the \
      target or your rights do not take (an attribute, an owner, a device; of a tar stream, a \
      socket) costs nothing else: it is counted and told at the end, and the command ends with \
      status 2. What is not whole yet is for its user alone and carries 'incomplete' in its name; \
      the next export to TARGET removes what a killed one left. An archive is for its user alone.

      JSON: \(ExportRequest.keys). When TARGET is standard output nothing but notes \
      is printed, on standard error.

      Examples:
        coppice export experiment /var/lib/postgresql/15/experiment
        coppice export --tar main@monday - | tar -tv
        coppice export machines:web/disk.img disk.img
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "A branch or snapshot, or REF:PATH for a part of it.")
  var source: Reference

  @Argument(
    help: "A path that does not exist, an empty directory, a pipe, or - for standard output.")
  var target: String

  @Flag(name: .long, help: "Write a tar stream.")
  var tar = false

  func run() throws {
    guard !target.isEmpty else {
      throw StoreError(
        .invalid, "the target's path is empty", remedy: "name a directory that does not exist")
    }
    let held =
      target == "-" ? try HeldFile.standardOutput() : try HeldFile(target: target)
    let answer = try options.perform(
      ExportRequest(entry: source.name, path: source.path, target: held.file, tar: tar),
      holding: held, showing: "export")
    try held.finish()
    if held.isStandardOutput {
      for note in answer.notes { Output.note(note) }
    } else {
      try options.print(answer)
    }
    if answer.lossCount > 0 { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension ExportRequest.Answer: Reply {
  var text: String {
    var text =
      "Exported \(Output.count(report.fileCount, "file")), \(Output.bytes(report.byteCount)), "
    text += "to \(Output.printable(addition.target))\n"
    for note in report.notes { text += "  note: \(Output.printable(note))\n" }
    return text
  }
}
