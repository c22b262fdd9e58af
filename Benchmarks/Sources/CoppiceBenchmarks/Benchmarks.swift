internal import Glibc

/// One line for everything that Coppice must show, its peers measured in the same run.
///
///     CoppiceBenchmarks [NAME...]       fork lifecycle server read write seal collect cluster
///     mount empty large; all when none is named
@main
struct Benchmarks {
  private static let names = [
    "empty", "fork", "lifecycle", "server", "read", "seal", "write", "collect", "cluster", "mount",
    "large",
  ]

  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.count == 2, arguments[0] == "--open" {
      try SizeBenchmark.open(arguments[1])
      return
    }
    guard arguments.allSatisfy(names.contains) else {
      print("usage: CoppiceBenchmarks [\(names.joined(separator: "] ["))]")
      exit(64)
    }
    let workspace = try Workspace()
    defer { workspace.remove() }
    for name in names where arguments.isEmpty || arguments.contains(name) {
      try run(name, workspace)
    }
  }

  private static func run(_ name: String, _ workspace: Workspace) throws {
    switch name {
    case "empty": try SizeBenchmark(workspace: workspace).runEmpty()
    case "fork": try ForkBenchmark(workspace: workspace).run()
    case "lifecycle": try LifecycleBenchmark(workspace: workspace).run()
    case "server": try ServerBenchmark(workspace: workspace).run()
    case "read": try ReadBenchmark(workspace: workspace).run()
    case "seal": try SealBenchmark(workspace: workspace).run()
    case "write": try WriteBenchmark(workspace: workspace).run()
    case "collect": try CollectionBenchmark(workspace: workspace).run()
    case "mount": try MountBenchmark(workspace: workspace).run()
    case "cluster": try ClusterBenchmark(workspace: workspace).run()
    default:
      try SizeBenchmark(workspace: workspace).runLarge()
      try CollectionBenchmark(workspace: workspace).runLarge()
    }
  }
}
