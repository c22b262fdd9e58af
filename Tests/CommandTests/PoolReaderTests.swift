import Foundation
import S3TestServer
import TestSupport
import Testing

/// Copies come back by the articles on formats alone, without this program.
@Suite struct PoolReaderTests {
  private static let python = Program("/usr/bin/python3")
  private static let reader = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "PoolReader/restore_pool.py").path
  private static let canRead =
    (try? python.run(["-c", "import cryptography, zstandard"]).status) == 0

  @Test(.enabled(if: canRead, "needs python3-cryptography and python3-zstandard"))
  func `an independent reader restores a copy from the objects and the key file`() throws {
    let store = try PooledStore()
    let coppice = store.coppice
    try coppice.check("push", "main", "offsite")
    // Differences of pages and nodes, files that grow and go.
    try coppice.script(
      """
      seq 1 200000 > tree/numbers; head -c 3000000 /dev/urandom > tree/noise
      for n in $(seq 1 400); do echo $n > tree/file-$n; done
      """)
    try coppice.check("import", "--replace", "tree", "main")
    try coppice.check("push", "main", "offsite")
    try coppice.script(
      "rm tree/file-7; sed -i 's/^77$/seventy-seven/' tree/numbers; echo more >> tree/noise")
    try coppice.check("import", "--replace", "tree", "main")
    try coppice.check("push", "main", "offsite")
    for name in store.names() {
      let file = coppice.folder("pool/" + name.dropFirst(PooledStore.prefix.count + 1))
      try FileManager.default.createDirectory(
        atPath: URL(filePath: file).deletingLastPathComponent().path,
        withIntermediateDirectories: true)
      try Data(#require(store.objects.bytes(of: name))).write(to: URL(filePath: file))
    }
    try Self.python.check(
      [Self.reader, coppice.folder("pool"), store.keyFile, "main", coppice.folder("restored")])
    let list = """
      find . -type f -print0 | sort -z | xargs -0 sha256sum
      find . -type l -printf '%p %l\\n' | sort; find . -type d | sort
      """
    let expected = try coppice.script("cd tree; \(list)").text
    #expect(try coppice.script("cd restored; \(list)").text == expected)
    #expect(expected.contains("numbers"))
  }
}
