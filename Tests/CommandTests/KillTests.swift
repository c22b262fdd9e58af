import Coppice
import Glibc
import TestSupport
import Testing

/// Processes that are killed while they write.
@Suite struct KillTests {
  @Test func `a hundred kills lose nothing that was acknowledged`() throws {
    let folder = try TemporaryFolder()
    let place = folder("store")
    let store = try Store.create(at: place)
    _ = try store.createBranch("main")
    try store.close()

    var generator = SystemLikeGenerator(state: 11)
    var next: UInt64 = 0
    for _ in 0..<100 {
      let acknowledged = try Self.writeAndKill(
        place, from: next, lineCount: 1 + Int(generator.next() % 40))
      let last = try #require(acknowledged.last)
      let found = try Self.verify(place, through: last, from: next)
      next = found + 1
    }
  }

  @Test func `a killed import leaves no branch, or a whole one`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; head -c 30M /dev/urandom > tree/noise; seq 100000 > tree/text")
    for _ in 0..<10 {
      let running = try coppice.program.start(["import", "tree", "main"], in: coppice.folder.path)
      // As far as the import comes while another program runs.
      try coppice.script("seq 20000 | sort > /dev/null")
      running.send(signal: SIGKILL)
      _ = try running.wait()
      if try coppice("ls", "main").status == 0 {
        try coppice.script("rm -rf out")
        try coppice.check("export", "main", "out")
        try coppice.script("diff -r tree out")
        try coppice.check("branch", "delete", "main")
      }
      try coppice.check("check")
    }
  }

  /// Runs the driver until it has acknowledged that many writes, then kills it.
  private static func writeAndKill(
    _ store: String, from first: UInt64, lineCount: Int
  ) throws -> [UInt64] {
    // A named pipe: no other process that a test starts can inherit its ends.
    let folder = try TemporaryFolder()
    let pipe = folder("acknowledged")
    guard mkfifo(pipe, 0o600) == 0 else {
      throw Program.Failure(description: "no pipe: \(errno)")
    }
    let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    let driver = Program("\(CoppiceCommand.productFolder)/WritingDriver")
    let running = try driver.start([store, "\(first)"], output: pipe)
    guard fcntl(reader, F_SETFL, 0) == 0, let stream = fdopen(reader, "r") else {
      throw Program.Failure(description: "no stream: \(errno)")
    }
    defer { fclose(stream) }
    var acknowledged: [UInt64] = []
    var line = [CChar](repeating: 0, count: 64)
    func read() -> Bool {
      guard fgets(&line, Int32(line.count), stream) != nil else { return false }
      let digits = line.prefix { $0 != 10 && $0 != 0 }.map { UInt8(bitPattern: $0) }
      guard let number = UInt64(String(decoding: digits, as: UTF8.self)) else { return false }
      acknowledged.append(number)
      return true
    }
    while acknowledged.count < lineCount, read() {}
    running.send(signal: SIGKILL)
    while read() {}
    let result = try running.wait()
    guard !acknowledged.isEmpty else {
      throw Program.Failure(description: "the driver wrote nothing: \(result.errors)")
    }
    return acknowledged
  }

  /// Everything through `last` must be there; returns the last that is.
  private static func verify(
    _ place: String, through last: UInt64, from first: UInt64
  ) throws -> UInt64 {
    let store = try Store.open(at: place)
    let branch = try store.branch("main")
    let shared = try branch.lookup("shared")
    var found = last
    for number in first... {
      let text = Array("\(number)\n".utf8)
      guard let entry = try branch.lookupIfPresent(FileName("n\(number)"), in: .root) else {
        #expect(number > last, "the acknowledged write \(number) is lost")
        break
      }
      #expect(try branch.read(entry.file, at: 0, byteCount: 64) == text)
      #expect(
        try branch.read(shared, at: number % 512 * 8192, byteCount: text.count) == text,
        "half of transaction \(number)")
      found = number
    }
    try store.close()
    return found
  }
}

/// A small random generator whose runs repeat.
private struct SystemLikeGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
