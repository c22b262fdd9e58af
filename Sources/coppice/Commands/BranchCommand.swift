internal import ArgumentParser

struct BranchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "branch", abstract: "Make, list, move, keep and delete branches.",
    discussion: """
      Making a branch of another takes one write to the journal, whatever the other holds.

      Example:
        coppice branch create experiment --from main
      """,
    subcommands: [
      BranchCreateCommand.self, BranchListCommand.self, BranchShowCommand.self,
      BranchDeleteCommand.self, BranchRenameCommand.self, BranchResetCommand.self,
      BranchRestoreCommand.self, RenewCommand.self, ProtectCommand.self, UnprotectCommand.self,
      LabelCommand.self, OwnerCommand.self, ExpireCommand.self, BranchLimitCommand.self,
    ])
}
