import Foundation
import Glibc
import TestSupport
import Testing

/// Proofs of deletion, by the command.
@Suite struct ProofCommandTests {
  private static func made() throws -> CoppiceCommand {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree own; head -c 4M /dev/urandom > tree/noise")
    try coppice.script("head -c 1M /dev/urandom > own/noise")
    try coppice.check("import", "tree", "main")
    try coppice.check("branch", "create", "trial-7", "--from", "main")
    try coppice.check("import", "own/noise", "trial-7:own")
    return coppice
  }

  /// Where there is no store, and none is named.
  private func verify(_ coppice: CoppiceCommand, _ arguments: String...) throws -> Program.Result {
    var program = coppice.program
    program.environment["COPPICE_STORE"] = ""
    return try program.run(["proof", "verify"] + arguments, in: coppice.folder("elsewhere"))
  }

  @Test func `a proof is made with the deletion, and verified without a store`() throws {
    let coppice = try Self.made()
    let foretold = try coppice.json("du", "--if-deleted", "trial-7")["freedByteCount"] as? Int
    try coppice.check("branch", "delete", "trial-7", "--now", "--proof", "trial-7.json")
    try coppice.script("\(coppice.program.path) proof key --store store > store.pem")
    try coppice.script("mkdir elsewhere; mv trial-7.json store.pem elsewhere; ls -A elsewhere")
    let verified = try verify(coppice, "trial-7.json", "--key", "store.pem")
    #expect(verified.status == 0)
    #expect(
      verified.text.contains("Branch trial-7, number") && verified.text.contains(" is gone\n"))
    #expect(verified.text.contains("It says nothing about:\n  What the branch shared"))
    let json = try verify(coppice, "trial-7.json", "--key", "store.pem", "--json")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output)) as? [String: Any])
    #expect(report["isReclaimed"] as? Bool == true)
    let predicate = try #require(report["predicate"] as? [String: Any])
    #expect(predicate["uniqueByteCount"] as? Int == foretold)
    #expect(predicate["auditHead"] is NSNull)
    let user = try coppice.script("id -un").text.trimmingCharacters(in: .newlines)
    #expect(predicate["deletedBy"] as? String == user)
    // The same, unsigned.
    let unsigned = try coppice.json("reclaim", "verify", "trial-7")
    for key in predicate.keys where !["provedAt", "snapshots", "notCovered"].contains(key) {
      let (one, other) = (unsigned[key] as? NSObject, predicate[key] as? NSObject)
      #expect(one != nil && one == other, "\(key)")
    }
    let uncovered = try #require(unsigned["notCovered"] as? [String])
    #expect(try Set(#require(predicate["notCovered"] as? [String])).isSubset(of: uncovered))
    // As the store keeps it.
    let kept = try coppice.check("proof", "get", "trial-7").output
    #expect(try kept == TemporaryFolder.bytes(of: coppice.folder("elsewhere/trial-7.json")))
    let list = try coppice.json("proof", "list")["proofs"] as? [[String: Any]]
    #expect(list?.map { $0["name"] as? String } == ["trial-7"])
    #expect(try coppice.check("proof", "list").text.contains("trial-7"))
    #expect(try coppice.failure("proof", "get", "main").status == 3)
    #expect(try coppice.failure("proof", "get", "trial-7", "--id", "999").status == 3)
  }

  @Test func `what does not verify ends with the status that says why`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "delete", "trial-7", "--now", "--proof", "proof.json")
    try coppice.script(
      """
      mkdir elsewhere; c='\(coppice.program.path) proof key --store store'
      $c > elsewhere/store.pem; mv proof.json elsewhere
      cd elsewhere; head -c 900 proof.json > cut.json; : > empty.json; mkdir folder
      sed 's/"payload":"e/"payload":"f/' proof.json > changed.json
      head -c 2M /dev/zero > long; cp ../store/keys/proof.pem private.pem
      cd ..; $c --rotate > elsewhere/other.pem
      """)
    let cases: [(file: String, key: String, status: Int32, says: String)] = [
      ("cut.json", "store.pem", 8, "no whole signed envelope"),
      ("empty.json", "store.pem", 8, "no whole signed envelope"),
      ("changed.json", "store.pem", 8, "is not what the key"),
      ("proof.json", "other.pem", 64, "another key"),
      ("proof.json", "private.pem", 64, "is a private key"),
      ("proof.json", "proof.json", 64, "no Ed25519 public key"),
      ("folder", "store.pem", 64, "is a directory"),
      ("long", "store.pem", 64, "more than"),
      ("nowhere", "store.pem", 3, "reading the file failed"),
      ("proof.json", "nowhere", 3, "reading the file failed"),
    ]
    for (file, key, status, says) in cases {
      let result = try verify(coppice, file, "--key", key)
      #expect(result.status == status && result.errors.contains(says), "\(file): \(result.errors)")
      #expect(!result.errors.contains("Decoding"), "\(result.errors)")
    }
    #expect(try verify(coppice, "proof.json").status == 64)
    // The key before stays known.
    #expect(try verify(coppice, "proof.json", "--key", "store.pem").status == 0)
    let keys = try coppice.json("proof", "key")
    let earlier = try #require((keys["earlier"] as? [[String: Any]])?.first)
    let id = try #require(earlier["keyID"] as? String)
    let pem = try coppice.check("proof", "key", "--id", id).output
    #expect(try pem == TemporaryFolder.bytes(of: coppice.folder("elsewhere/store.pem")))
    #expect(try coppice.failure("proof", "key", "--id", "none").status == 3)
    #expect(try coppice.failure("proof", "key", "--id", id, "--rotate").status == 64)
  }

  @Test func `a lost key is told, and what others can read is refused`() throws {
    let coppice = try Self.made()
    let first = try coppice.check("proof", "key")
    #expect(first.errors.isEmpty)
    #expect(try coppice.check("proof", "key").text == first.text)
    #expect(try coppice.script("stat -c %a store/keys store/keys/*").text == "700\n600\n")
    unlink(coppice.folder("store/keys/proof.pem"))
    let told = try coppice.check(
      "branch", "delete", "trial-7", "--now", "--proof", "proof.json")
    #expect(told.errors.hasPrefix("note: the private key was lost"))
    #expect(try coppice.check("proof", "key").text != first.text)
    #expect(try (coppice.json("proof", "key")["earlier"] as? [Any])?.count == 1)
    chmod(coppice.folder("store/keys/proof.pem"), 0o644)
    let refusal = try coppice.failure("branch", "delete", "main", "--now", "--proof", "x.json")
    #expect(refusal.status == 6 && refusal.remedy.hasPrefix("chmod 600 "))
    // Nothing was deleted, and no file is left of the trial.
    try coppice.check("ls", "main")
    #expect(try coppice.script("ls -A").text.contains("x.json") == false)
  }

  @Test func `when the file cannot be written nothing is deleted`() throws {
    let coppice = try Self.made()
    try coppice.script("mkdir folder; ln -s proof.json link")
    for (path, status) in [
      ("nowhere/proof.json", 3), ("folder", 64), ("link", 64), ("/dev/null", 64), (".", 64),
      ("", 64), ("/proc/proof.json", 3),
    ] as [(String, Int32)] {
      let failure = try coppice.failure("branch", "delete", "trial-7", "--now", "--proof", path)
      #expect(failure.status == status, "\(path): \(failure.message)")
    }
    try coppice.check("ls", "trial-7")
    // An older file is replaced as a whole.
    try coppice.script("echo old > proof.json")
    try coppice.check("branch", "delete", "trial-7", "--now", "--proof", "proof.json")
    #expect(try coppice.script("head -c 1 proof.json").text == "{")
    #expect(try coppice.script("ls -A").text.contains("coppice-proof") == false)
  }

  @Test func `flags that say nothing without others are refused`() throws {
    let coppice = try Self.made()
    for flags in [["--proof", "p.json"], ["--erase"], ["--wait", "1m"]] {
      let result = try coppice.program.run(
        ["branch", "delete", "trial-7"] + flags, in: coppice.folder.path)
      #expect(result.status == 64 && result.errors.contains("add --now"), "\(flags)")
    }
    let two = try coppice.failure(
      "branch", "delete", "trial-7", "main", "--now", "--proof", "p.json")
    #expect(two.status == 64 && two.message.contains("one branch"))
    try coppice.check("ls", "trial-7")
    let unlabelled = try coppice.json(
      "branch", "delete", "--label", "run=7", "--if-exists", "--now", "--proof", "p.json")
    #expect(unlabelled["proof"] is NSNull && (unlabelled["entries"] as? [Any])?.isEmpty == true)
    let none = try coppice.json(
      "branch", "delete", "gone", "--if-exists", "--now", "--proof", "p.json")
    #expect(none["proof"] is NSNull && none["isReclaimed"] is NSNull)
    #expect(try coppice.script("ls -A").text.contains("p.json") == false)
  }

  @Test func `a branch goes with its snapshots, and all of them are in the proof`() throws {
    let coppice = try Self.made()
    try coppice.check("snapshot", "create", "trial-7@one")
    let done = try coppice.json(
      "branch", "delete", "trial-7", "--snapshots", "--now", "--erase", "--proof", "p.json")
    #expect(done["isReclaimed"] as? Bool == true)
    try coppice.script(
      """
      mkdir elsewhere; mv p.json elsewhere
      \(coppice.program.path) proof key --store store > elsewhere/k
      """)
    let verified = try verify(coppice, "p.json", "--key", "k")
    #expect(verified.status == 0 && verified.text.contains("with the snapshot trial-7@one\n"))
    #expect(!verified.text.contains("replaced or removed"))
  }

  @Test func `a branch that is found by its label has its proof`() throws {
    let coppice = try Self.made()
    try coppice.check("branch", "label", "trial-7", "run=7")
    try coppice.check("branch", "delete", "--label", "run=7", "--now", "--proof", "p.json")
    try coppice.script(
      """
      mkdir elsewhere; mv p.json elsewhere
      \(coppice.program.path) proof key --store store > elsewhere/k
      """)
    let verified = try verify(coppice, "p.json", "--key", "k", "--json")
    #expect(verified.status == 0 && verified.text.contains("\"run\" : \"7\""))
  }

  /// Alone, and asked of a server that is killed.
  @Test(arguments: [false, true])
  func `a killed deletion has a proof that says so, until it is through`(
    _ isServed: Bool
  ) throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree own; head -c 12M /dev/urandom > tree/noise")
    try coppice.script("head -c 4M /dev/urandom > own/noise")
    try coppice.check("import", "tree", "main")
    try coppice.check("proof", "key")
    var firstCount = 0
    for round in 0..<30 where firstCount < 3 {
      try coppice.check("import", "own", "doomed")
      let id = try #require(coppice.json("branch", "show", "doomed")["id"] as? Int)
      let server = isServed ? try ServingCoppice(coppice) : nil
      let running = try coppice.program.start(
        ["branch", "delete", "doomed", "--now", "--proof", "proof.json"], in: coppice.folder.path)
      // As far as it comes while another program runs.
      try coppice.script("seq \(1 + round * 60000) | sort > /dev/null")
      if let server { try server.end(SIGKILL) } else { running.send(signal: SIGKILL) }
      _ = try running.wait()
      if try coppice("ls", "doomed").status == 0 {
        try coppice.check("branch", "delete", "doomed", "--now")
        continue
      }
      // Whenever it was killed there is a proof, kept or owed.
      let list = try #require(coppice.json("proof", "list")["proofs"] as? [[String: Any]])
      #expect(list.contains { $0["id"] as? Int == id }, "round \(round)")
      let names = try coppice.script("ls store/proofs").text.split(separator: "\n")
      let kept = names.first { $0.contains("~\(id)~") && $0.hasSuffix(".json") }
      try coppice.script(
        """
        mkdir -p elsewhere; \(coppice.program.path) proof key --store store > elsewhere/k
        \(kept.map { "cp 'store/proofs/\($0)' elsewhere/first.json" } ?? "")
        \(coppice.program.path) proof get doomed --store store > elsewhere/last.json
        """)
      if kept != nil {
        firstCount += 1
        // It says that something is held, whatever comes of it then.
        let first = try verify(coppice, "first.json", "--key", "k")
        #expect(first.status == 0 || first.status == 2, "round \(round): \(first.errors)")
      }
      // The command that asked opened the store, which went on with it.
      #expect(try verify(coppice, "last.json", "--key", "k").status == 0, "round \(round)")
      #expect(try coppice("reclaim", "verify", "doomed").status == 0)
    }
    #expect(firstCount > 0)
  }
}
