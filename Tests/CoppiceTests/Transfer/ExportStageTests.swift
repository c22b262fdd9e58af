import Coppice
import CoppicePlatform
import Glibc
import Synchronization
import TestSupport
import Testing

/// Where an export is built, and what becomes of that.
@Suite struct ExportStageTests {
  let fixture: StoreFixture
  let folder: TemporaryFolder
  var store: Store { fixture.store }

  init() throws {
    fixture = try StoreFixture()
    folder = try TemporaryFolder()
    let main = try store.createBranch("main")
    try main.setAttributes(of: .root, AttributeChanges(permissions: 0o755))
    try main.createDirectories("closed")
    try main.writeFile("closed/file", [1, 2, 3])
    try main.setAttributes(of: main.lookup("closed"), AttributeChanges(permissions: 0o555))
    try main.writeFile("file", [UInt8](repeating: 7, count: 3 << 20))
  }

  private static func mode(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  private func names() throws -> [String] {
    try HostDirectory(path: folder.path).names().map { String(decoding: $0, as: UTF8.self) }
  }

  /// What `body` sees of the folder while an export writes content.
  private func export(
    to target: String = "out", tar: Bool = false, _ body: @escaping @Sendable () -> Void = {}
  ) throws {
    var options = ExportOptions()
    options.isTar = tar
    options.isCancelled = {
      body()
      return false
    }
    _ = try store.tree("main").exportFiles(to: .path(folder(target)), options: options)
  }

  @Test(arguments: [0, 0o022, 0o077] as [mode_t])
  func `only its user sees an export before it is whole`(mask: mode_t) throws {
    let old = umask(mask)
    defer { umask(old) }
    let stage = folder("out.incomplete-\(HostProcess.identifier)")
    try export { #expect(Self.mode(stage) == 0o700) }
    #expect(try names() == ["out"])
    #expect(Self.mode(folder("out")) == 0o755)
    #expect(Self.mode(folder("out/closed")) == 0o555)
    mkdir(folder("empty"), 0o755)
    let inner = folder("empty/coppice.incomplete-\(HostProcess.identifier)")
    try export(to: "empty") { #expect(Self.mode(inner) == 0o700) }
    #expect(Self.mode(folder("empty")) == 0o755)
    #expect(try HostDirectory(path: folder("empty")).names().count == 2)
    try export(to: "tar", tar: true)
    #expect(Self.mode(folder("tar")) == 0o600)
  }

  @Test func `what fails leaves nothing, and an empty directory as it was`() throws {
    mkdir(folder("empty"), 0o750)
    chmod(folder("empty"), 0o750)
    var options = ExportOptions()
    options.isCancelled = { true }
    for target in ["out", "empty"] {
      #expect(throws: StoreError.self) {
        try store.tree("main").exportFiles(to: .path(folder(target)), options: options)
      }
    }
    #expect(try names() == ["empty"])
    #expect(Self.mode(folder("empty")) == 0o750)
    #expect(try HostDirectory(path: folder("empty")).names().isEmpty)
  }

  @Test func `the next export removes what a killed one left, and nothing else`() throws {
    let parent = try HostDirectory(path: folder.path)
    func stage(_ name: String, claim: String?, in parent: HostDirectory) throws -> HostFile? {
      try parent.makeDirectory(Array(name.utf8), permissions: 0o700)
      let directory = try parent.openDirectory(Array(name.utf8))
      try directory.makeDirectory(Array("out".utf8), permissions: 0o500)
      return try claim.map { try directory.makeFile(Array($0.utf8), permissions: 0o600) }
    }
    _ = try stage("out.incomplete-4194305", claim: ".coppice-export", in: parent)
    _ = try stage("out.incomplete-4194306", claim: nil, in: parent)
    _ = try stage("out.incomplete-old", claim: ".coppice-export", in: parent)
    _ = try stage("other.incomplete-1", claim: ".coppice-export", in: parent)
    let running = try stage("out.incomplete-4194307", claim: ".coppice-export", in: parent)
    #expect(try running?.tryLock() == true)
    try export()
    #expect(
      try names() == [
        "other.incomplete-1", "out", "out.incomplete-4194306", "out.incomplete-4194307",
        "out.incomplete-old",
      ])
    mkdir(folder("empty"), 0o755)
    let inner = try HostDirectory(path: folder("empty"))
    _ = try stage("coppice.incomplete-4194305", claim: ".coppice-export", in: inner)
    try export(to: "empty")
    #expect(try inner.names().count == 2)
    withExtendedLifetime(running) {}
  }
}
