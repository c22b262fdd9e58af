import Coppice
import TestSupport
import Testing

/// The change time of files that an import gives other content, though not another modification
/// time.
@Suite struct ImportChangeTimeTests {
  private let folder: TemporaryFolder
  private let store: Store

  init() throws {
    folder = try TemporaryFolder()
    store = try Store.create(at: folder("store"))
  }

  /// Makes the source and imports it; the times are those of 2021 in every round.
  private func bring(_ text: String, isTar: Bool) throws {
    try Program("bash").check(
      [
        "-euc",
        """
        mkdir -p tree; echo same > tree/kept; head -c 3M /dev/zero > tree/large
        printf '\(text)' > tree/small; printf '\(text)' >> tree/large
        touch -d 2021-03-04 tree/* tree; tar -cf tree.tar -C tree .
        """,
      ], in: folder.path)
    var options = ImportOptions()
    options.isReplacing = true
    options.isTar = isTar
    options.checksum = !isTar
    _ = try store.importFiles(
      from: .path(folder(isTar ? "tree.tar" : "tree")), into: "main", options: options)
  }

  private func times(_ path: BranchPath) throws -> [Timestamp] {
    let main = try store.branch("main")
    let attributes = try main.attributes(of: main.lookup(path))
    return [attributes.modified, attributes.changed]
  }

  @Test(arguments: [false, true])
  func `the change time moves with the content, and only then`(isTar: Bool) throws {
    try bring("one", isTar: isTar)
    let paths: [BranchPath] = ["kept", "small", "large"]
    let before = try paths.map(times)
    try bring("one", isTar: isTar)
    #expect(try paths.map(times) == before)
    try bring("two", isTar: isTar)
    let after = try paths.map(times)
    #expect(after.map(\.[0]) == before.map(\.[0]))
    #expect(after[0] == before[0])
    #expect(after[1][1].nanoseconds > before[1][1].nanoseconds)
    #expect(after[2][1].nanoseconds > before[2][1].nanoseconds)
    try bring("two", isTar: isTar)
    #expect(try paths.map(times) == after)
    try store.close()
  }
}
