import TestSupport
import Testing

/// What is told of a branch that is asked for and exists.
@Suite struct ExistingBranchTests {
  private func create(_ coppice: CoppiceCommand, _ more: String...) throws -> [String: Any] {
    try coppice.json(all: ["branch", "create", "pr-42", "--from", "main"] + more)
  }

  @Test func `what an existing branch keeps, and that it was reset, is told`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    _ = try create(coppice, "--owner", "ana", "--label", "pr=42", "--max-stored", "1M")
    let same = try create(
      coppice, "--or-existing", "--owner", "ana", "--label", "pr=42", "--max-stored", "1M")
    #expect(same["notes"] as? [String] == [] && same["isReset"] as? Bool == false)
    let words = [
      "branch", "create", "pr-42", "--from", "main", "--owner", "bob", "--label", "pr=42",
      "--label", "team=red", "--max-stored", "2M", "--or-existing",
    ]
    let text = try coppice.run(words).text
    #expect(text.hasPrefix("pr-42 exists, of ana, pr=42\n  note: it stays ana's: "), "\(text)")
    let notes = try #require(coppice.json(all: words)["notes"] as? [String])
    let commands = notes.compactMap { $0.split(separator: "`").dropFirst().first }
    #expect(
      commands == [
        "coppice branch owner pr-42 bob", "coppice branch label pr-42 team=red",
        "coppice branch limit pr-42 2097152",
      ])
    // They do what they say.
    for command in commands {
      _ = try coppice.run(command.split(separator: " ").dropFirst().map(String.init))
    }
    #expect(try coppice.json(all: words)["notes"] as? [String] == [])
    let reset = try coppice.run(words.dropLast() + ["--or-reset"]).text
    #expect(reset.hasPrefix("Reset pr-42, from main, of bob"), "\(reset)")
    #expect(try create(coppice, "--or-reset")["isReset"] as? Bool == true)
  }
}
