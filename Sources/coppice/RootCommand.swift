internal import ArgumentParser
internal import Coppice

/// The command: finds the verb, runs it, and ends with the status that its outcome asks for.
@main
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coppice",
    abstract: "Branches of whole databases, at the price of the bytes that change.",
    discussion: """
      A store holds branches; a branch holds a tree of files. The store is named by --store or the \
      environment variable COPPICE_STORE. REF means 'branch' or 'branch@snapshot', and REF:PATH a \
      file or directory in it.

      Exit status: 0 done, 1 failed, 2 a finding (check, scrub, diff --exit-code), 3 not found, \
      4 exists or conflict, 5 in use, 6 denied, 7 no space, 8 corrupt, 9 unsupported format, \
      64 wrong usage, 75 try again.

      Example:
        export COPPICE_STORE=/var/lib/coppice
        coppice init
        coppice import /var/lib/postgresql/15/main main
        coppice branch create experiment --from main
        coppice export experiment /tmp/experiment
      """,
    version: "0.1.0",
    subcommands: [
      InitCommand.self, ImportCommand.self, ExportCommand.self, BranchCommand.self,
      SnapshotCommand.self, ListCommand.self, CatCommand.self, PutCommand.self,
      RemoveCommand.self, DiffCommand.self, UsageCommand.self, StatsCommand.self,
      CollectCommand.self, ReclaimCommand.self, CheckCommand.self, ScrubCommand.self,
      RepairCommand.self, InspectCommand.self, ServeCommand.self, MountCommand.self,
      StatusCommand.self, StopCommand.self,
    ])

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let isJSON = arguments.prefix { $0 != "--" }.contains("--json")
    do {
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
        let report = ErrorReport(
          kind: StoreError.Kind.invalid.rawValue, object: "", message: message(for: error),
          remedy: "see 'coppice --help'")
        report.print(isJSON: true)
        exit(withError: code)
      }
      exit(withError: error)
    }
  }
}
