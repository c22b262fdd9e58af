internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair", abstract: "Repair a damaged store as far as that can be done.",
    discussion: """
      Writes a damaged copy of the superblock anew; takes an older catalogue, or puts one together \
      from what else there is, when the newest is damaged, and says what such a one is without; \
      rebuilds damaged nodes, the inner structure of branches, where their hashes prove what was \
      found; reads all data, and gives every page that cannot be read the content of another copy, \
      if there is one: one that another branch stored, or that a new import brought. Files are \
      copied to a folder in the store before they are changed. Without --accept-loss nothing is \
      done that would drop what was acknowledged; the error says what that is. Ends with status 2 \
      when something stays lost; it is listed, and stays unreadable. Listed too is what else a \
      check or a scrub still finds, and what takes that away. Nobody may have the store open.

      JSON: \(RepairRequest.keys). folder is null when no file was changed; what is lost and left \
      is as 'coppice check' has findings.

      Example:
        coppice check
        coppice repair
      """)

  @OptionGroup var options: StoreArguments

  @Flag(
    name: .long,
    help: "Drop what was acknowledged and is damaged or missing, when nothing else helps.")
  var acceptLoss = false

  func run() throws {
    let answer = try options.perform(RepairRequest(acceptLoss: acceptLoss), showing: "repair")
    try options.print(answer)
    if !answer.lost.isEmpty || answer.left.contains(where: { !$0.isUnused }) {
      throw ExitCode(ExitStatus.finding.rawValue)
    }
  }
}

extension RepairReport: Reply {
  var text: String {
    var lines = steps.map { "\(Output.printable($0.object)): \($0.action)\n" }
    if let folder { lines.append("The files as they were are in \(folder)\n") }
    if !lost.isEmpty { lines.append("Lost, without another copy:\n") }
    lines += lost.map(\.text)
    if omittedLostCount > 0 {
      lines.append("and \(Output.count(omittedLostCount, "more finding"))\n")
    }
    if !lost.isEmpty {
      lines.append(
        "Import these files anew and repair again, or remove them and run 'coppice gc --full'\n")
    }
    if !left.isEmpty { lines.append("Left as it is; no content depends on it:\n") }
    lines += left.map(\.text)
    return lines.isEmpty ? "Nothing to repair\n" : lines.joined()
  }
}
