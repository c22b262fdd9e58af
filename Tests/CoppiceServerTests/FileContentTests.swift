import Coppice
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import TestSupport
import Testing

/// What requests tell of a branch that changes while they are carried out.
@Suite struct FileContentTests {
  private static let byteCount = 3 << 20

  /// Files of this process. Whoever asks whether one is still open gives both files of the branch
  /// the next content.
  private struct ChangingFiles: ClientFiles {
    let branch: Branch
    let own = OwnFiles()

    func path(of file: ClientFile) -> String { own.path(of: file) }

    func openStream(_ file: ClientFile, forWriting: Bool) throws(StoreError) -> HostFile {
      try own.openStream(file, forWriting: forWriting)
    }

    func isOpen(_ file: ClientFile) -> Bool {
      do {
        let next = try branch.read(branch.lookup("left"), byteCount: 1)[0] &+ 1
        try branch.transaction { changes throws(StoreError) in
          for name in ["left", "right"] as [FileName] {
            let file = try changes.lookup(name, in: .root).file
            try changes.write(
              file, at: 0, [UInt8](repeating: next, count: FileContentTests.byteCount))
          }
        }
      } catch {
        Issue.record("\(error)")
      }
      return true
    }
  }

  private func with(_ body: (RequestContext, TemporaryFolder) throws -> Void) throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    let branch = try store.createBranch("main")
    for name in ["left", "right"] as [BranchPath] {
      try branch.writeFile(name, [UInt8](repeating: 1, count: Self.byteCount))
    }
    try body(
      RequestContext(
        store: store, work: Work(), files: ChangingFiles(branch: branch), doors: Doors(),
        principal: .administrator), folder)
    try store.close()
  }

  private func target(_ output: HostFile) throws -> ClientFile {
    var file = try HeldFile(source: output.path).file
    (file.descriptor, file.name, file.isStream) = (output.fileDescriptor, nil, true)
    return file
  }

  @Test func `several files of one branch are read as they are at one moment`() throws {
    try with { context, folder in
      let directory = try HostDirectory(path: folder.path)
      let output = try directory.makeFile(Array("output".utf8), permissions: 0o600)
      let answer = try FileContentRequest(
        files: [FilePlace("main", "left"), FilePlace("main", "right")], target: target(output)
      ).run(context)
      #expect(answer.byteCount == 2 * UInt64(Self.byteCount))
      #expect(Set(try TemporaryFolder.bytes(of: folder("output"))) == [1])
    }
  }

  @Test func `files of branches whose names look alike are each their own`() throws {
    try with { context, folder in
      let names = ["caf\u{E9}", "cafe\u{301}"]
      for (index, name) in names.enumerated() {
        try context.store.createBranch(name).writeFile("file", [UInt8(index)])
      }
      let directory = try HostDirectory(path: folder.path)
      let output = try directory.makeFile(Array("output".utf8), permissions: 0o600)
      _ = try FileContentRequest(
        files: names.map { FilePlace($0, "file") }, target: target(output)
      ).run(context)
      #expect(try TemporaryFolder.bytes(of: folder("output")) == [0, 1])
    }
  }

  @Test func `nothing is written if one of the files is missing or none`() throws {
    try with { context, folder in
      let directory = try HostDirectory(path: folder.path)
      let output = try directory.makeFile(Array("output".utf8), permissions: 0o600)
      for (path, kind) in [("none", StoreError.Kind.notFound), (".", .invalid)] {
        let error = #expect(throws: StoreError.self) {
          try FileContentRequest(
            files: [FilePlace("main", "left"), FilePlace("main", path)], target: target(output)
          ).run(context)
        }
        #expect(error?.kind == kind)
      }
      #expect(try TemporaryFolder.bytes(of: folder("output")).isEmpty)
    }
  }
}
