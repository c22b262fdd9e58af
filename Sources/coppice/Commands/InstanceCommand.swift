internal import ArgumentParser

struct InstanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pg", abstract: "Run PostgreSQL on branches.",
    discussion: """
      The server of the store starts a PostgreSQL for a branch, keeps it running, and opens a port \
      for its clients. It works on the mount, under a user number of its own, with no network and \
      no other files than its branch, where the server is root and the kernel lets it; 'coppice pg \
      list' says which isolation there is. What its origin was set to do outside of itself \
      (archiving, replication, scheduled jobs) is off.
      """,
    subcommands: [
      InstanceStartCommand.self, InstanceStopCommand.self, InstanceRestartCommand.self,
      InstanceListCommand.self, InstanceURLCommand.self, InstanceClientCommand.self,
      InstanceDumpCommand.self, InstanceLogsCommand.self, InstanceSetCommand.self,
      ClusterCheckCommand.self, ClusterPrepareCommand.self,
    ])
}
