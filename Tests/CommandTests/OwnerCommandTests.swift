import Glibc
import TestSupport
import Testing

/// Whose things are of which nobody said it: whoever asks for them.
@Suite struct OwnerCommandTests {
  private func owner(_ coppice: CoppiceCommand, _ name: String) throws -> String? {
    try coppice.json("branch", "show", name)["owner"] as? String
  }

  @Test(arguments: [false, true])
  func `whatever is made belongs to whoever asked, unless he says whose it is`(
    isServed: Bool
  ) throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; echo one > tree/file")
    let server = isServed ? try ServingCoppice(coppice) : nil
    let user = String(try coppice.script("id -un").text.dropLast())
    try coppice.check("import", "tree", "main")
    try coppice.check("branch", "create", "pr", "--from", "main")
    try coppice.check("branch", "create", "empty")
    try coppice.check("branch", "create", "given", "--from", "main", "--owner", "ana")
    try coppice.check("snapshot", "create", "main@one")
    try coppice.check("baseline", "add", "fork", "--from", "branch:main")
    try coppice.check("baseline", "add", "copy", "--from", "branch:main", "--class", "masked")
    try coppice.check("baseline", "add", "files", "--from", "directory:tree")
    try coppice.check("branch", "reset", "empty", "--to", "main", "--keep-old", "old")
    for name in ["main", "pr", "empty", "main@one", "fork", "copy", "files", "old"] {
      #expect(try owner(coppice, name) == user, "\(name)")
    }
    #expect(try owner(coppice, "given") == "ana")
    // What is there stays whose it is, also when all of its content is replaced.
    try coppice.check("branch", "owner", "main", "bob")
    try coppice.check("import", "tree", "main", "--replace")
    try coppice.check("branch", "create", "given", "--from", "main", "--or-existing")
    try coppice.check("branch", "create", "given", "--from", "main", "--or-reset")
    try coppice.check("branch", "renew", "given")
    #expect(try owner(coppice, "main") == "bob" && owner(coppice, "given") == "ana")
    let listed = try coppice.json("branch", "list", "--owner", "ana")["branches"]
    #expect((listed as? [[String: Any]])?.map { $0["name"] as? String } == ["given"])
    try coppice.check("snapshot", "create", "fork@one")
    try coppice.check("baseline", "approve", "fork@one")
    let shown = try coppice.json("baseline", "show", "fork")["snapshots"] as? [[String: Any]]
    #expect(shown?.map { $0["by"] as? String } == [user])
    try server?.end(SIGTERM)
  }

  /// One that has a name, and one that has none.
  @Test(
    .enabled(if: geteuid() == 0, "becoming another user needs root"),
    arguments: [(65_534, "nobody"), (54_321, "54321")])
  func `a server knows who asks by the socket`(user: Int, name: String) throws {
    let coppice = try CoppiceCommand(makesStore: false)
    try coppice.script(
      """
      chmod 755 .; mkdir own; chown \(user) own
      printf '#!/bin/sh\\nexec setpriv --reuid=\(user) --regid=\(user) --clear-groups \(
        coppice.program.path) "$@"\\n' > as-user
      chmod 755 as-user
      """)
    var root = coppice
    root.program.environment["COPPICE_STORE"] = coppice.folder("own/store")
    var other = root
    other.program.path = coppice.folder("as-user")
    try other.check("init")
    try other.check("branch", "create", "alone")
    let server = try ServingCoppice(other)
    try other.check("branch", "create", "asked")
    try root.check("branch", "create", "by-root")
    #expect(try owner(root, "alone") == name && owner(root, "asked") == name)
    #expect(try owner(other, "by-root") == "root")
    try server.end(SIGTERM)
  }
}
