import Coppice
import Foundation
import TestSupport
import Testing

/// The examples of the documentation, as they stand there.
@Suite struct DocumentationTests {
  let directory: String
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    directory = folder.path + "/store"
  }

  @Test func `the first example says what it says`() throws {
    let store = try Store.create(at: directory)
    let main = try store.createBranch("main")
    let file = try main.writeFile("greeting", Array("hello".utf8))
    let fork = try store.createBranch("fork", from: "main")
    try fork.write(file, at: 0, Array("H".utf8))
    let changed = try store.diff("main", "fork").items.map(\.path.description)  // ["greeting"]
    #expect(changed == ["greeting"])
    try store.close()
  }

  @Test func `the steps of getting started work one after the other`() throws {
    try Store.create(at: directory).close()
    var options = Store.Options()
    options.memory.pageCacheByteCount = 512 << 20
    let store = try Store.open(at: directory, options: options)
    defer { try? store.close() }

    let main = try store.createBranch("main")
    let base = try main.createDirectories("base/16384")
    let table = try main.createFile("2619", in: base).file
    try main.write(table, at: 0, [UInt8](repeating: 0, count: 8192))
    try main.flush(table)

    try main.transaction { (changes) throws(StoreError) in
      let new = try changes.createFile("2619.new", in: base)
      try changes.write(new.file, at: 0, [1, 2, 3])
      try changes.rename("2619.new", in: base, to: "2619", in: base)
    }
    #expect(try main.read(main.lookup("base/16384/2619")) == [1, 2, 3])

    let moment = try main.moment()
    for entry in try moment.readDirectory(base) {
      print(entry.name, try moment.attributes(of: entry.file).byteCount)
    }

    let experiment = try store.createBranch("experiment", from: "main")
    try store.createSnapshot("main@before-migration")
    try experiment.writeFile("base/16384/2619", [4, 5, 6])
    try store.reset("experiment", to: "main@before-migration")
    #expect(try experiment.read(experiment.lookup("base/16384/2619")) == [1, 2, 3])

    try main.writeFile("base/16384/2619", [7])
    for item in try store.diff("main@before-migration", "main").items {
      print(item.path, item.change, item.changedPageCount)
    }
    for usage in try store.usage() {
      print(usage.name, usage.exclusiveByteCount, usage.sharedByteCount)
    }

    for finding in try store.check().findings {
      print(finding.object, finding.message, finding.affected.map(\.branch))
    }
    let scrubbed = try store.scrub(ScrubOptions(byteCountPerSecond: 50 << 20))
    print(scrubbed.isClean, scrubbed.completePassStartedAt?.description ?? "never")
    #expect(scrubbed.isClean)

    do throws(StoreError) {
      try main.removeDirectory("base", in: .root)
    } catch {
      guard error.reason == .notEmpty else { throw error }
      try main.removeTree("base", in: .root)
    }
    #expect(try main.readDirectory(.root).isEmpty)
  }

  /// Every line of Swift in the documentation is a line of this file.
  @Test func `the examples in the documentation are the ones that are tested`() throws {
    let here = URL(filePath: #filePath)
    let root = here.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let tested = Set(lines(try String(contentsOf: here, encoding: .utf8)))
    let catalogue = root.appending(path: "Sources/Coppice/Coppice.docc")
    var count = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: catalogue.path) {
      let text = try String(contentsOf: catalogue.appending(path: name), encoding: .utf8)
      for (index, block) in text.components(separatedBy: "```").enumerated()
      where index % 2 == 1 && block.hasPrefix("swift\n") {
        for line in lines(String(block.dropFirst(6))) {
          count += 1
          #expect(tested.contains(line), "\(name): \(line)")
        }
      }
    }
    #expect(count > 30)
  }

  /// Every line of a byte table in the documentation is one of a codec's comment, and so is what it
  /// says of flags; every table has a label of its own.
  @Test func `the byte tables in the documentation are those of the codecs`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var known: Set<String> = []
    for folder in ["CoppiceFormat", "CoppicePools/Keys"] {
      let sources = root.appending(path: "Sources/\(folder)")
      for name in try FileManager.default.subpathsOfDirectory(atPath: sources.path)
      where name.hasSuffix(".swift") {
        let source = try String(contentsOf: sources.appending(path: name), encoding: .utf8)
        for line in lines(source) where line.hasPrefix("///") {
          known.insert(line.dropFirst(3).trimmingCharacters(in: .whitespaces))
        }
      }
    }
    var flags: Set<String> = []
    for name in ["OnDiskFormat", "PoolFormat"] {
      let article = root.appending(path: "Sources/Coppice/Coppice.docc/\(name).md")
      let blocks = try String(contentsOf: article, encoding: .utf8).components(separatedBy: "```")
      for (index, block) in blocks.enumerated() {
        let found = lines(block)
        if index % 2 == 1 {
          for line in found { #expect(known.contains(line), "\(line)") }
        } else if index + 1 < blocks.count {
          #expect(
            found.contains { !$0.hasPrefix("Flags:") }, "no label before \(blocks[index + 1])")
        }
      }
      flags.formUnion(blocks.flatMap { lines($0) }.filter { $0.hasPrefix("Flags:") })
      #expect(blocks.count > 30)
    }
    #expect(flags == known.filter { $0.hasPrefix("Flags:") })
  }

  /// Remedies of the library speak of the library: what has other words in the command is a step.
  @Test func `no message of the library speaks of the command`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    for module in ["Coppice", "CoppiceEngine", "CoppiceErrors"] {
      let folder = root.appending(path: "Sources/\(module)")
      for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      where name.hasSuffix(".swift") && !name.hasSuffix("Remedy.swift") {
        let source = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        for line in lines(source) where !line.hasPrefix("//") {
          #expect(
            line.firstMatch(of: /`coppice |'coppice |"[^"]*--[a-z][^"]*"/) == nil,
            "\(name): \(line)")
        }
      }
    }
  }

  @Test func `a remedy speaks of the library by itself`() {
    let remedy: Remedy = "use \(step: .collect), then \("this"), or \(step: .scrub)"
    #expect(
      remedy.description == "use `Store.collectGarbage`, then this, or `Store.scrub`")
    #expect(remedy.worded { "<\($0)>" } == "use <collect>, then this, or <scrub>")
    #expect(Remedy("").isEmpty && !remedy.isEmpty)
  }

  private func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }
}
