import Foundation
import Glibc
import TestSupport
import Testing

/// Trust domains by the command, without a server and with one.
@Suite struct DomainCommandTests {
  private func names(_ answer: [String: Any], _ list: String, _ key: String) -> [String?] {
    (answer[list] as? [[String: Any]] ?? []).map { $0[key] as? String }
  }

  @Test(arguments: [false, true])
  func `domains are made, listed, imported into and shown`(isServed: Bool) throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let server = isServed ? try ServingCoppice(coppice) : nil
    let made = try coppice.json("domain", "create", "customer", "--class", "masked")
    #expect(made["number"] as? Int == 1)
    #expect(Set(made.keys) == ["name", "number", "class", "branchCount"])
    #expect(
      try coppice.check("domain", "create", "other").text == "Made other, number 2, class raw\n")
    try coppice.check("import", "tree", "main")
    try coppice.check("import", "tree", "apart", "--domain", "customer")
    try coppice.check("import", "tree", "bare", "--class", "schema")
    let empty = try coppice.json("branch", "create", "empty", "--class", "none")
    #expect(empty["domain"] as? String == "none" && empty["class"] as? String == "none")
    let fork = try coppice.json("branch", "create", "fork", "--from", "apart")
    #expect(fork["domain"] as? String == "customer" && fork["class"] as? String == "masked")
    try coppice.check("snapshot", "create", "apart@one")

    let list = try coppice.json("branch", "list")
    #expect(
      names(list, "branches", "domain") == ["customer", "schema", "none", "customer", "raw"])
    #expect(names(list, "branches", "class") == ["masked", "schema", "none", "masked", "raw"])
    let text = try coppice.check("branch", "list").text
    #expect(text.contains("in customer, which is masked\n"))
    #expect(text.contains("in schema\n") && !text.contains("in raw"))
    #expect(names(try coppice.json("snapshot", "list"), "snapshots", "class") == ["masked"])
    let shown = try coppice.json("branch", "show", "apart@one")
    #expect(shown["domain"] as? String == "customer" && shown["class"] as? String == "masked")
    let domains = try coppice.json("domain", "list")
    #expect(names(domains, "domains", "name") == ["raw", "customer", "other", "schema", "none"])
    let counts = (domains["domains"] as? [[String: Any]])?.map { $0["branchCount"] as? Int }
    #expect(counts == [1, 2, 0, 1, 1])

    // What exists in another domain is not what was asked for.
    let again = ["branch", "create", "apart", "--or-existing", "--json", "--domain"]
    #expect(try coppice.program.run(again + ["customer"], in: coppice.folder.path).status == 0)
    #expect(try coppice.program.run(again + ["raw"], in: coppice.folder.path).status == 4)
    try coppice.check("check")
    try server?.end(SIGTERM)
  }

  /// Follows a remedy as it is written.
  private func follow(_ remedy: String, _ coppice: CoppiceCommand) throws {
    let words = try #require(remedy.components(separatedBy: "copy it: ").last)
    try coppice.script(
      """
      export COPPICE_STORE='\(coppice.folder("store"))'
      coppice() { '\(CoppiceCommand.productFolder)/coppice' "$@"; }
      \(words)
      rm copy.tar
      """)
  }

  @Test(arguments: [false, true])
  func `the remedies for another domain do what they say`(isServed: Bool) throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let server = isServed ? try ServingCoppice(coppice) : nil
    try coppice.check("domain", "create", "customer")
    try coppice.check("import", "tree", "main")
    try coppice.check("branch", "create", "target", "--domain", "customer")

    let fork = try coppice.failure(
      "branch", "create", "copy", "--from", "main", "--domain", "customer")
    #expect(fork.status == 64 && fork.kind == "invalid")
    try follow(fork.remedy, coppice)
    let reset = try coppice.failure("branch", "reset", "target", "--to", "main")
    #expect(reset.status == 64 && reset.kind == "invalid")
    try follow(reset.remedy, coppice)

    for name in ["copy", "target"] {
      #expect(try coppice.json("branch", "show", name)["domain"] as? String == "customer")
      let difference = try coppice.json("diff", "main", name)
      #expect((difference["items"] as? [Any])?.isEmpty == true, "\(name)")
    }
    let missing = try coppice.failure("import", "tree", "new", "--domain", "nowhere")
    #expect(missing.status == 3)
    #expect(missing.remedy == "make it with `coppice domain create`")
    #expect(
      try coppice.program.run(["domain", "create", "nowhere"], in: coppice.folder.path).status == 0)
    try coppice.check("import", "tree", "new", "--domain", "nowhere")
    try coppice.check("check")
    try server?.end(SIGTERM)
  }
}
