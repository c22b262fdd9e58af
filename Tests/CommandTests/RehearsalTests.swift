import Glibc
import TestSupport
import Testing

/// Commands with `--dry-run`, which end as they would without it.
@Suite struct RehearsalTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree big; echo one > tree/one; head -c 3M /dev/urandom > big/noise")
    try coppice.check("import", "tree", "main")
    for name in ["main@kept", "main@free"] { try coppice.check("snapshot", "create", name) }
    try coppice.check("branch", "protect", "main", "main@kept", "--reason", "audit")
    for name in ["expired", "limited", "proven", "a", "b"] {
      try coppice.check("branch", "create", name, "--from", "main")
    }
    try coppice.check("branch", "expire", "expired")
    try coppice.check("branch", "limit", "limited", "1M")
    for name in ["a", "b"] { try coppice.check("branch", "label", name, "run=7") }
    try coppice.check("proof", "key")
    return coppice
  }

  /// Alone, and asked of a server.
  @Test(arguments: [false, true])
  func `what is refused is refused in a rehearsal, with the same status and reason`(
    _ isServed: Bool
  ) throws {
    let coppice = try Self.made()
    let server = isServed ? try ServingCoppice(coppice) : nil
    func check(_ status: Int32, _ command: String...) throws {
      let rehearsed = try coppice.failure(all: command + ["--dry-run"])
      let done = try coppice.failure(all: command)
      #expect(rehearsed.status == status && done.status == status, "\(command)")
      #expect(rehearsed.remedy == done.remedy, "\(command)")
      // How much an import brought says each for itself.
      #expect(rehearsed.message == done.message || status == 7, "\(command)")
    }
    try check(6, "snapshot", "delete", "main@kept")
    try check(6, "snapshot", "delete", "main@free", "main@kept")
    try check(3, "snapshot", "delete", "main@none")
    try check(6, "branch", "delete", "main", "--snapshots")
    try check(6, "branch", "delete", "main", "--snapshots", "--now")
    for target in ["main", "main:sub", "expired", "expired:sub"] {
      try check(6, "import", "tree", target, "--replace")
    }
    try check(7, "import", "big", "limited:sub")
    try check(64, "branch", "delete", "--label", "run=7")
    try check(64, "branch", "delete", "--label", "run=7", "--now")
    let key = coppice.folder("store/keys/proof.pem")
    chmod(key, 0o644)
    try check(6, "branch", "delete", "proven", "--now", "--proof", "p.json")
    chmod(key, 0o600)
    try coppice.script("echo junk > store/keys/proof.pem")
    try check(8, "branch", "delete", "proven", "--now", "--proof", "p.json")
    try server?.end(SIGTERM)
  }

  @Test func `a rehearsal changes nothing, and says what would be`() throws {
    let coppice = try Self.made()
    try coppice.script("rm -r store/keys")
    for command in [
      ["snapshot", "delete", "main@free"], ["import", "tree", "limited:sub"],
      ["import", "big", "limited", "--replace"],
      ["branch", "delete", "--label", "run=7", "--yes"],
      ["branch", "delete", "proven", "--now", "--proof", "p.json"],
    ] {
      _ = try coppice.json(all: command + ["--dry-run"])
    }
    #expect(try coppice.script("ls store").text.contains("keys") == false)
    for command in [["ls", "limited"], ["branch", "show", "proven"], ["ls", "main@free"]] {
      #expect(try coppice.run(command).status == 0)
    }
    #expect(try coppice("ls", "limited:sub").status == 3)
  }
}
