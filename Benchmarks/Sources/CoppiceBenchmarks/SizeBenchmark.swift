internal import Coppice
internal import Foundation

/// What an empty store takes, and what opening a very large one does.
struct SizeBenchmark {
  let workspace: Workspace
  /// 100 GiB of pages that all differ.
  private static let pageCount = 13_107_200

  func runEmpty() throws {
    let directory = workspace.fresh("empty")
    try Store.create(at: directory).close()
    let stored = Workspace.storedByteCount(directory)
    report(
      "empty store", "\(format(Double(stored) / 1024, 0)) KiB", ratio: Double(stored) / 1_048_576,
      goal: .atMost(1))
  }

  func runLarge() throws {
    let directory = workspace.fresh("large")
    let store = try Store.create(at: directory)
    let time = try Self.importPages(Self.pageCount, into: store)
    try store.close()
    report(
      "import of \(Self.pageCount) different pages from a pipe",
      "\(format(time)) s, \(megabytes(Workspace.storedByteCount(directory))) stored")
    // A process of its own: what it takes in memory is the open store's.
    let arguments = [CommandLine.arguments[0], "--open", directory]
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = Array(arguments.dropFirst())
    try process.run()
    process.waitUntilExit()
  }

  /// Makes `main` with a file `data` of pages that all differ; returns the seconds that it took.
  static func importPages(_ pageCount: Int, into store: Store) throws -> Double {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0)
    // A larger pipe (F_SETPIPE_SZ) where that is allowed.
    _ = fcntl(ends[0], 1031, 1 << 20)
    let output = ends[1]
    let writer = startThread { writePages(pageCount, to: output) }
    let time = try measure {
      _ = try store.importFiles(
        from: .stream(fileDescriptor: ends[0]), into: "main", at: BranchPath("data"))
    }
    pthread_join(writer, nil)
    close(ends[0])
    return time
  }

  private static func writePages(_ pageCount: Int, to output: Int32) {
    let content = PageMemory(pageCount: 128)
    var number: UInt64 = 0
    while number < UInt64(pageCount) {
      for page in 0..<content.pageCount {
        number += 1
        content[page].storeBytes(of: number, as: UInt64.self)
      }
      var done = 0
      while done < content.bytes.count, let start = content.bytes.baseAddress {
        let count = write(output, start + done, content.bytes.count - done)
        guard count > 0 else { return }
        done += count
      }
    }
    close(output)
  }

  /// Opens a store, reads pages all over it, and says what that took.
  static func open(_ directory: String) throws {
    let before = residentByteCount("VmRSS:")
    let start = seconds()
    let store = try Store.open(at: directory)
    let time = seconds() - start
    let tree = try store.tree("main")
    let file = try tree.open("data")
    defer { file.close() }
    let page = PageMemory()
    var random = Random(1)
    for _ in 0..<20_000 {
      let number = random.next(below: pageCount)
      let count = try file.read(
        at: UInt64(number * PageContent.byteCount), into: page.bytes)
      precondition(
        count == PageContent.byteCount
          && page.bytes.load(as: UInt64.self) == UInt64(number + 1), "a page reads wrong")
    }
    let used = residentByteCount("VmHWM:") - before
    report(
      "open a store of \(pageCount) different pages", "\(format(time, 3)) s", ratio: time / 2,
      goal: .atMost(1))
    report(
      "memory after opening it and 20,000 random reads", megabytes(used),
      ratio: Double(used) / 300e6, goal: .atMost(1))
    try store.close()
  }

  private static func residentByteCount(_ name: String) -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      let number = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
      return (number.flatMap { Int($0) } ?? 0) * 1024
    }
    return 0
  }
}
