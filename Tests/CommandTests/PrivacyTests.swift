import Glibc
import TestSupport
import Testing

/// A store is its user's alone.
@Suite struct PrivacyTests {
  @Test(arguments: ["000", "022", "277"])
  func `a store and all that a server keeps in it are closed to others`(mask: String) throws {
    let coppice = try CoppiceCommand(makesStore: false)
    try coppice.script(
      """
      umask \(mask); export COPPICE_STORE=store
      mkdir -m 755 there
      coppice() { \(coppice.program.path) "$@"; }
      coppice init --store there; coppice init; coppice branch create main
      head -c 3M /dev/urandom | coppice put main:file
      coppice gc
      """)
    let server = try ServingCoppice(coppice)
    let open = try coppice.script("find store there -perm /077 -o -type d ! -perm 700").text
    #expect(open == "")
    #expect(try coppice.script("find store -name control.sock -perm 600 | wc -l").text == "1\n")
    _ = server
  }

  @Test func `a store that is open to others is told at each opening, with the remedy`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    #expect(try coppice.check("ls", "main").errors == "")
    try coppice.script("chmod 755 store; find store/journal -type f -exec chmod 644 {} +")
    let result = try coppice.check("ls", "main")
    #expect(result.errors.contains("mode is 755"))
    let remedy = "chmod -R go= \(coppice.folder("store"))"
    #expect(result.errors.contains(remedy))
    for words in [["check"], ["inspect", "superblock"], ["ls", "main", "--json"]] {
      #expect(try coppice.program.check(words).errors.contains(remedy))
    }
    // Nobody changes the mode but its user.
    #expect(try coppice.script("stat -c %a store").text == "755\n")
    try coppice.script(remedy)
    #expect(try coppice.check("ls", "main").errors == "")
  }

  /// Runs a script as a user without rights of its own; `coppice` is the command.
  private func script(_ coppice: CoppiceCommand, as user: Int, _ text: String) throws
    -> Program.Result
  {
    try Program("setpriv", environment: ["COPPICE_STORE": coppice.folder("store")]).run([
      "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "sh", "-c",
      "coppice() { \(coppice.program.path) \"$@\"; }; \(text)",
    ])
  }

  @Test(.enabled(if: geteuid() == 0))
  func `to others a store is closed, not missing`() throws {
    let coppice = try CoppiceCommand()
    let server = try ServingCoppice(coppice)
    try coppice.script("chmod 755 .")
    for words in ["status", "stop", "check", "ls main", "inspect superblock", "branch list"] {
      let result = try script(coppice, as: 65_534, "coppice \(words)")
      #expect(result.status == 6, "\(words): \(result.errors)")
      #expect(!result.errors.contains("no store here"), "\(words)")
    }
    _ = server
  }

  @Test(.enabled(if: geteuid() == 0))
  func `what root does in another user's store keeps that user in`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    try coppice.script("chmod 755 .; mkdir store; chown 65534:65534 store")
    let first = try script(
      coppice, as: 65_534,
      "coppice init && coppice branch create main && head -c 3M /dev/urandom | coppice put main:a")
    #expect(first.status == 0, "\(first.errors)")
    try coppice.check("scrub")
    try coppice.check("put", "main:b", input: coppice.program.path)
    try coppice.check("gc", "--full")
    try coppice.check("branch", "create", "other")
    do {
      let server = try ServingCoppice(coppice)
      try coppice.check("snapshot", "create", "main@one")
      _ = server
    }
    #expect(try coppice.script("find store ! -user 65534").text == "")
    let last = try script(
      coppice, as: 65_534,
      "coppice scrub && coppice branch delete other --now && echo x | coppice put main:c && "
        + "coppice check")
    #expect(last.status == 0, "\(last.errors)")
  }
}
