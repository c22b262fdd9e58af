internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

/// The command: finds the verb, runs it, and ends with the status that its outcome asks for.
@main
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coppice",
    abstract: "Branches of whole databases, at the price of the bytes that change.",
    discussion: """
      A store holds branches; a branch holds a tree of files. The store is named by --store or the \
      environment variable COPPICE_STORE. REF means 'branch', 'branch@snapshot' or \
      'baseline@newest', and REF:PATH a file or directory in it.

      With --json answers have the same keys whatever there is to tell: what is missing is null. \
      Help lists them, with ? behind what may be null, those of a list's elements in brackets and \
      of an object in braces. Times are UTC, and their keys end in At or Until, but for a file's \
      modified. An error is such an object on standard error: \
      \(Shape(of: ErrorAnswer.self).keys). Numbers of bytes are written as output has them, 10G, \
      1.5GiB.

      Names are bytes. Where text is all there is, in JSON and where output has control \
      characters, other bytes are written as a shell understands them, caf$'\\xE9'; arguments may \
      be written so too.

      Exit status: 0 done, 1 failed, 2 a finding (damage that check or scrub finds or repair \
      leaves, a difference for diff --exit-code, what export could not keep, what is left of a \
      deleted branch: branch delete --now, reclaim verify, proof verify; a backup drill that does \
      not pass), 3 not found, 4 exists or conflict, 5 in use, 6 denied, 7 no space, 8 corrupt, \
      9 unsupported format, 64 wrong usage, 75 try again.

      Example:
        export COPPICE_STORE=/var/lib/coppice
        coppice init
        coppice import /var/lib/postgresql/15/main main
        coppice branch create experiment --from main
        coppice export experiment /tmp/experiment
      """,
    version: Store.version,
    subcommands: [
      InitCommand.self, ImportCommand.self, ExportCommand.self, BranchCommand.self,
      SnapshotCommand.self, BaselineCommand.self, DomainCommand.self, ListCommand.self,
      CatCommand.self, PutCommand.self,
      RemoveCommand.self, DiffCommand.self, EstimateCommand.self, UsageCommand.self,
      StatsCommand.self,
      CollectCommand.self, ReclaimCommand.self, ProofCommand.self, CheckCommand.self,
      ScrubCommand.self, RepairCommand.self, PolicyCommand.self, InspectCommand.self,
      RemoteCommand.self, PushCommand.self, PullCommand.self, CloneCommand.self,
      BackupCommand.self, InstanceCommand.self, LauncherCommand.self,
      ServeCommand.self,
      MountCommand.self,
      StatusCommand.self, StopCommand.self,
    ])

  static func main() {
    let arguments = HostProcess.arguments
    let isJSON = arguments.prefix { $0 != "--" }.contains("--json")
    do {
      try checkVerbs(arguments)
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let error as StoreError {
      ErrorReport(error).print(isJSON: isJSON)
      exit(withError: ExitCode(ExitStatus(error.kind).rawValue))
    } catch let status as ExitCode {
      exit(withError: status)
    } catch {
      let code = exitCode(for: error)
      if isJSON, code != .success {
        ErrorReport(
          StoreError(.invalid, message(for: error), remedy: "see 'coppice --help'")
        ).print(isJSON: true)
        exit(withError: code)
      }
      exit(withError: error)
    }
  }

  /// Throws `invalid`, with the nearest verbs, where an argument stands for one and is none.
  private static func checkVerbs(_ arguments: [String]) throws(StoreError) {
    var verbs = configuration.subcommands
    var words: [String] = []
    for argument in arguments {
      guard !verbs.isEmpty, argument.utf8.first != UInt8(ascii: "-"), argument != "help" else {
        return
      }
      guard let verb = verbs.first(where: { $0.configuration.commandName == argument }) else {
        let near = NearestNames.find(
          argument, among: verbs.compactMap { $0.configuration.commandName })
        let help = (["coppice"] + words + ["--help"]).joined(separator: " ")
        throw StoreError(
          .invalid, "there is no such command", object: (words + [argument]).joined(separator: " "),
          remedy: near.isEmpty
            ? "see '\(help)'" : "did you mean \(near.joined(separator: ", "))? See '\(help)'")
      }
      words.append(argument)
      verbs = verb.configuration.subcommands
    }
  }
}
