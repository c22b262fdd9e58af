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
}
