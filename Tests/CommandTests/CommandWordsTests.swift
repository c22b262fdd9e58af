import Foundation
import TestSupport
import Testing

/// What is told in words that help whoever uses the command.
@Suite struct CommandWordsTests {
  @Test(.enabled(if: MountRequirement.isMet, "needs root and /dev/fuse"))
  func `a log names commands, and no calls of the library`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "small", "--max-stored", "100K")
    try coppice.script("mkdir mnt")
    try coppice.check("mount", "mnt")
    defer {
      _ = try? coppice("stop")
      _ = try? coppice.script("umount mnt 2> /dev/null || true")
    }
    let written = try Program("bash").run(
      [
        "-c",
        "for i in $(seq 9); do head -c 200K /dev/urandom > mnt/small/$i; sync mnt/small/$i; done",
      ],
      in: coppice.folder.path)
    #expect(written.errors.contains("No space left"))
    let log = try String(contentsOfFile: coppice.folder("store/server.log"), encoding: .utf8)
    #expect(log.contains("`coppice branch limit small SIZE`"), "\(log)")
    #expect(!log.contains("`Store."), "\(log)")
  }

  @Test func `a limit is shown without being set`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "a", "--max-stored", "1M")
    let shown = try coppice.json("branch", "limit", "a")
    #expect(shown["maxStoredByteCount"] as? Int == 1 << 20)
    #expect(try coppice.check("branch", "limit", "a").text.hasPrefix("a may add 1.00 MiB, "))
    try coppice.check("branch", "limit", "a", "--none")
    #expect(try coppice.check("branch", "limit", "a").text.hasPrefix("a has no limit, "))
    #expect(try coppice("branch", "limit", "a", "1M", "--none").status == 64)
    #expect(try coppice("branch", "limit", "nothing").status == 3)
  }

  @Test func `a name that an expired branch has can be had by renewing it`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "a")
    let live = try coppice.failure("branch", "create", "a")
    #expect(live.status == 4 && !live.remedy.contains("renew"))
    try coppice.check("branch", "expire", "a")
    let expired = try coppice.failure("branch", "create", "a")
    #expect(expired.status == 4 && expired.message.contains("has expired"))
    #expect(expired.remedy.contains("`coppice branch renew a"), "\(expired.remedy)")
  }

  @Test func `a renewal that fails again and again is told once`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "a", "--lease", "1s")
    let command = coppice.program.path
    let result = try coppice(
      "branch", "renew", "a", "--", "sh", "-c", "\(command) branch delete a > /dev/null; sleep 2")
    #expect(result.status == 0)
    #expect(result.errors.components(separatedBy: "coppice: ").count == 2, "\(result.errors)")
  }
}
