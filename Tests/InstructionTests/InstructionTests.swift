import Foundation
import TestSupport
import Testing

private enum Valgrind {
  static let path = "/usr/bin/valgrind"

  static var isPossible: Bool {
    #if DEBUG
      false
    #else
      ProcessInfo.processInfo.environment["CI"] != nil
        || FileManager.default.isExecutableFile(atPath: path)
    #endif
  }
}

/// What the hot paths of a store cost, in instructions, which a busy machine does not change.
/// Without optimisation the numbers mean nothing.
@Suite(.enabled(if: Valgrind.isPossible, "needs valgrind, and a build for release"))
struct InstructionTests {
  @Test(arguments: InstructionLimits.all.keys.sorted())
  func `a hot path takes no more instructions than it is allowed`(_ path: String) throws {
    let count = try count(path)
    let limit = try #require(InstructionLimits.all[path])
    let share = Double(count) / Double(limit)
    #expect(
      share <= 1 + InstructionLimits.tolerance,
      "\(path): \(count) instructions, allowed are \(limit)")
    // Whatever saves as much is to be kept.
    #expect(
      share >= 1 - 2 * InstructionLimits.tolerance,
      "\(path): \(count) instructions; write that instead of \(limit)")
  }

  @Test func `each path has its limit`() throws {
    let usage = try Program(driver).check([]).text
    let paths = usage.split(separator: ":").last?.split(whereSeparator: \.isWhitespace) ?? []
    #expect(paths.map(String.init).sorted() == InstructionLimits.all.keys.sorted())
  }

  private var driver: String {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return program.deletingLastPathComponent().appendingPathComponent("InstructionDriver").path
  }

  /// Valgrind cannot read what the compiler says of its code.
  private func plainDriver(in folder: TemporaryFolder) throws -> String {
    try Program("objcopy").check(["--strip-debug", driver, folder("driver")])
    return folder("driver")
  }

  /// Of doing it once.
  private func count(_ path: String) throws -> Int {
    let folder = try TemporaryFolder()
    let valgrind = Program(
      Valgrind.path, environment: ["SWIFT_DETERMINISTIC_HASHING": "1", "LC_ALL": "C"])
    let result = try valgrind.check([
      "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*countedWork*",
      "--callgrind-out-file=/dev/null", try plainDriver(in: folder), path, folder("store"),
    ])
    let line = try #require(result.errors.split(separator: "\n").first { $0.contains("Collected") })
    let total = try #require(
      line.split(separator: ":").last.flatMap { words in
        Int(words.filter(\.isNumber))
      })
    let times = try #require(Int(result.text.filter(\.isNumber)))
    return total / times
  }
}
