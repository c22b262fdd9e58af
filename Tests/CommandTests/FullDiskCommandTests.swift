import Foundation
import Glibc
import TestSupport
import Testing

/// A server whose store fills a small file system. Skipped without root, but never where everything
/// must run.
@Suite(
  .enabled(
    if: getenv("CI") != nil || getuid() == 0, "mounting a small file system needs root"))
struct FullDiskCommandTests {
  /// An ext4 of 160 MiB below the command's folder.
  private func makeFileSystem(_ coppice: inout CoppiceCommand) throws {
    try coppice.script(
      """
      mkdir disk; truncate -s 160M image
      mkfs.ext4 -q -m 0 -O ^has_journal image; mount -o loop image disk
      head -c 12M /dev/urandom > table; head -c 30M /dev/urandom > victim
      """)
    coppice.program = Program(
      "\(CoppiceCommand.productFolder)/coppice",
      environment: ["COPPICE_STORE": coppice.folder("disk/store")])
  }

  private func stored(_ coppice: CoppiceCommand, _ folder: String) throws -> Int {
    let text = try coppice.script("du -sm disk/store/\(folder) | cut -f1").text
    return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  /// - Parameter isOther: somebody else takes what is left, and keeps it.
  @Test(arguments: [false, true])
  func `a full disk is emptied and written again without a restart`(_ isOther: Bool) throws {
    var coppice = try CoppiceCommand(makesStore: false)
    try makeFileSystem(&coppice)
    defer { _ = try? coppice.script("umount --lazy disk") }
    try coppice.check("init")
    let server = try ServingCoppice(coppice)
    try coppice.check("branch", "create", "main")
    try coppice.check("put", "main:table", input: coppice.folder("table"))
    try coppice.check("put", "main:victim", input: coppice.folder("victim"))
    var count = 0
    if isOther { _ = try? coppice.script("cat /dev/zero > disk/other") }
    while count < 20 {
      try coppice.script("head -c 20M /dev/urandom > fill")
      let result = try coppice("put", "main:fill-\(count)", input: coppice.folder("fill"))
      count += 1
      if result.status == 0 { continue }
      #expect(result.errors.contains("space"))
      break
    }
    #expect(count < 20)
    try coppice.check("rm", "main:victim")
    for index in 0..<count { _ = try coppice("rm", "main:fill-\(index)") }
    let left = try coppice.json("ls", "main")["entries"] as? [[String: Any]]
    #expect(left?.count == 1)
    try coppice.check("gc", "--full")
    #expect(try stored(coppice, "segments") <= 26)
    #expect(try stored(coppice, "journal") <= 24)
    try coppice.script("head -c 16M /dev/urandom > again")
    try coppice.check("put", "main:again", input: coppice.folder("again"))
    try coppice.script(
      """
      coppice() { '\(CoppiceCommand.productFolder)/coppice' "$@" --store disk/store; }
      coppice cat main:again | cmp - again; coppice cat main:table | cmp - table; coppice check
      """)
    try server.end(SIGTERM)
    try coppice.check("check")
  }
}
