internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform

struct PutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Write standard input to a file of a branch.",
    discussion: """
      The file is made, with the directories on its path, or gets new content; readers see the old \
      content or the new. The change is durable when the command ends. JSON: branch, path, byteCount.

      Examples:
        echo "max_connections = 20" | coppice put experiment:postgresql.auto.conf
        coppice put machines:scratch.img --zeros 10G
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "BRANCH:PATH.")
  var file: Reference

  @Option(name: .long, help: "Write this many zero bytes, which take no space. Units: K, M, G, T.")
  var zeros: ByteCount?

  /// What is written in one transaction; more goes through an import, which is as atomic.
  private static let transactionByteCountMax = 8 << 20

  func run() throws {
    let path = try file.requiredPath()
    let byteCount = try options.withStore(isReadOnly: false) { store -> UInt64 in
      let branch = try store.branch(file.name)
      if let parent = path.parent { try makeDirectories(parent, of: branch) }
      if let zeros {
        let made = try branch.writeFile(path, [])
        try branch.truncate(made, to: zeros.value)
        try branch.flush()
        return zeros.value
      }
      return try write(to: path, of: branch, in: store)
    }
    try options.print(Answer(branch: file.name, path: path.description, byteCount: byteCount))
  }

  /// Links to directories count as directories.
  private func makeDirectories(_ path: BranchPath, of branch: Branch) throws(StoreError) {
    do throws(StoreError) {
      _ = try branch.lookup(path, followingLinks: true)
    } catch {
      guard error.kind == .notFound else { throw error }
      try branch.createDirectories(path)
    }
  }

  private func write(
    to path: BranchPath, of branch: Branch, in store: Store
  ) throws -> UInt64 {
    let input = try HostFile(duplicating: StandardStream.standardInput.rawValue)
    var bytes = [UInt8](repeating: 0, count: Self.transactionByteCountMax + 1)
    let count = try bytes.withUnsafeMutableBytes { try input.readNext(into: $0) }
    if count <= Self.transactionByteCountMax {
      _ = try branch.writeFile(path, Array(bytes[..<count]))
      try branch.flush()
      return UInt64(count)
    }
    var importOptions = ImportOptions()
    importOptions.isReplacing = true
    let report = try store.importFiles(
      from: .stream(fileDescriptor: StandardStream.standardInput.rawValue, after: bytes),
      into: file.name, at: path, options: importOptions)
    return report.byteCount
  }

  struct Answer: Reply {
    var branch: String
    var path: String
    var byteCount: UInt64

    var text: String {
      "Wrote \(Output.bytes(byteCount)) to \(Output.printable("\(branch):\(path)"))\n"
    }
  }
}
