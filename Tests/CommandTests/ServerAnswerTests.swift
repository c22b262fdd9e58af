import Foundation
import Glibc
import TestSupport
import Testing

/// Every command answers with a server as it does without.
@Suite struct ServerAnswerTests {
  private struct Outcome: Equatable {
    var status: Int32
    var output: [UInt8]
    var errors: String
  }

  private static let readers = [
    "branch list", "branch list --state deleted", "branch show main", "branch show main@one",
    "snapshot list", "snapshot list main", "domain list", "ls main", "ls main:a",
    "ls fork:a/b/hello",
    "cat main:soft", "diff main fork --pages", "diff main fork --exit-code", "diff main main",
    "du", "du fork main", "du --if-deleted fork", "check", "scrub --restart",
    "scrub --restart --limit 1K",
    "gc --dry-run", "export --tar main -", "export main:a/numbers -", "inspect superblock",
    "branch delete fork --dry-run", "branch delete fork --now --dry-run",
    "branch reset fork --to main --dry-run",
    "rm fork:added --dry-run", "snapshot delete main@one --dry-run",
  ]

  private static let failures = [
    "branch show nothing", "ls mian", "ls main:no/such", "cat main", "cat main:a",
    "branch create main", "branch create feature/x", "branch create", "branch delete nothing",
    "branch delete main", "branch rename main fork", "branch restore never", "import tree main",
    "import missing new", "import tree main@one", "export main tree", "export main missing/below",
    "export main:a -", "put main@one:x", "put main", "rm main:a", "rm main:no", "scrub --from x",
    "snapshot create main", "snapshot create main@one", "diff main nothing", "du nothing",
    "branch show --", "domain create raw", "domain create 7", "domain create masked",
    "branch create new --domain nowhere", "branch create new --domain raw --class raw",
    "import tree new --domain nowhere", "import tree main --replace --class none",
    "branch reset main@one --to fork",
  ]

  private static func outcome(_ coppice: CoppiceCommand, _ words: [String]) throws -> Outcome {
    let result = try coppice.program.run(words, in: coppice.folder.path)
    var output = result.output
    if ["du", "scrub"].contains(words[0]) {
      // They tell the moment at which they looked.
      output = Array(
        result.text.replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/, with: "TIME").utf8)
    }
    return Outcome(status: result.status, output: output, errors: result.errors)
  }

  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    try coppice.check("branch", "create", "fork", "--from", "main")
    try coppice.check("branch", "create", "gone", "--from", "main")
    try coppice.check("branch", "delete", "gone")
    try coppice.check("snapshot", "create", "main@one")
    try coppice.folder.write("in", "other".utf8)
    try coppice.check("put", "fork:added", input: coppice.folder("in"))
    return coppice
  }

  @Test func `readers and failures answer the same, byte for byte`() throws {
    let coppice = try Self.made()
    let commands = (Self.readers + Self.failures).flatMap { line in
      let words = line.split(separator: " ").map(String.init)
      return [words, words + ["--json"]]
    }
    let alone = try commands.map { try Self.outcome(coppice, $0) }
    let server = try ServingCoppice(coppice)
    for (words, expected) in zip(commands, alone) {
      #expect(try Self.outcome(coppice, words) == expected, "\(words)")
    }
    let stats = Set(try coppice.json("stats").keys)
    #expect(try server.end(SIGTERM).status == 0)
    #expect(try Set(coppice.json("stats").keys) == stats)
  }

  /// What a script of changes says and leaves.
  private static func changed(isServed: Bool) throws -> (outcomes: [String], listing: String) {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.script("tar c -C tree . > tree.tar; head -c 9M /dev/zero | tr '\\0' x > large")
    let server = isServed ? try ServingCoppice(coppice) : nil
    let lines: [(words: String, input: String)] = [
      ("import tree main", "/dev/null"), ("import tree/a/numbers main:copy", "/dev/null"),
      ("import --tar - streamed", "tree.tar"), ("import --tar tree.tar main:sub", "/dev/null"),
      ("import - main:large", "large"), ("put main:dir/small", "tree/a/b/hello"),
      ("put main:dir/large", "large"), ("put main:zeros --zeros 3M", "/dev/null"),
      ("branch create fork --from main", "/dev/null"), ("rm -r fork:dir", "/dev/null"),
      ("snapshot create fork@one", "/dev/null"), ("branch rename fork trial", "/dev/null"),
      ("branch reset trial --to main --keep-old kept", "/dev/null"),
      ("branch delete kept", "/dev/null"), ("branch restore kept --as back", "/dev/null"),
      ("import --replace tree streamed", "/dev/null"), ("snapshot delete trial@one", "/dev/null"),
      ("export trial out", "/dev/null"), ("export trial:large out/again", "/dev/null"),
      ("export --tar trial:a part.tar", "/dev/null"),
      ("branch delete back --now", "/dev/null"), ("gc", "/dev/null"),
    ]
    var outcomes: [String] = []
    for line in lines {
      let words = line.words.split(separator: " ").map(String.init)
      let input = line.input.hasPrefix("/") ? line.input : coppice.folder(line.input)
      let result = try coppice.program.check(words, in: coppice.folder.path, input: input)
      #expect(result.errors == "", "\(words)")
      // What is stored differs in some bytes: names lie in the order of the threads.
      let text = result.text.split(separator: "\n").filter { !$0.contains(" stored") }
      outcomes.append("\(line.words): \(text)")
    }
    if let server { #expect(try server.end(SIGTERM).status == 0) }
    try coppice.check("check")
    try coppice.check("export", "streamed", "streamed")
    let listing = try coppice.listing("out") + coppice.listing("streamed")
    return (outcomes.dropLast(2) + [], listing.replacing(coppice.folder.path, with: ""))
  }

  @Test func `changes say and do the same`() throws {
    let alone = try Self.changed(isServed: false)
    let served = try Self.changed(isServed: true)
    for (one, other) in zip(alone.outcomes, served.outcomes) { #expect(one == other) }
    func names(_ listing: String) -> [Substring] {
      // Times of files that the two runs made apart differ.
      listing.split(separator: "\n").filter { !$0.contains("dir") && !$0.contains("large") }
        .filter { !$0.contains("zeros") && !$0.contains("out ") }
        .map { $0.split(separator: " ").first ?? "" }
    }
    #expect(names(alone.listing) == names(served.listing))
  }

  @Test func `clients at the same time all get their answers`() throws {
    let coppice = try Self.made()
    let server = try ServingCoppice(coppice)
    var running: [(Program.Running, String)] = []
    for index in 0..<6 {
      running.append(
        (
          try coppice.program.start(["branch", "create", "b\(index)", "--from", "main"]),
          "Made b\(index), from main, of "
        ))
      running.append(
        (
          try coppice.program.start(["import", "tree", "i\(index)"], in: coppice.folder.path),
          "Imported"
        ))
      running.append((try coppice.program.start(["diff", "main", "fork"]), "added"))
    }
    for (client, text) in running {
      let result = try client.wait()
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.text.contains(text))
    }
    let branches = try #require(
      try coppice.json("branch", "list")["branches"] as? [[String: Any]])
    #expect(branches.count == 14)
    #expect(try server.end(SIGTERM).status == 0)
  }
}
