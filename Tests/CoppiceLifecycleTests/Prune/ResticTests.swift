internal import CoppiceLifecycle
internal import Foundation
internal import TestSupport
internal import Testing

/// Snapshots that `restic backup --time` made, and what `restic forget --dry-run` would do to them.
@Suite struct ResticTests {
  /// One group of snapshots in restic's answer.
  private struct Group: Decodable {
    struct Snapshot: Decodable { var time: String }
    struct Reason: Decodable {
      var snapshot: Snapshot
      var matches: [String]
    }
    var keep: [Snapshot]?
    var remove: [Snapshot]?
    var reasons: [Reason]?
  }

  private static let snapshotCount = 50
  private static let questionCount = 64
  /// Times are before it, or far behind it.
  private static let now: Int64 = 1_700_000_000_000_000_000

  private let folder: TemporaryFolder
  private let restic: Program

  init() throws {
    folder = try TemporaryFolder()
    restic = Program(
      "restic",
      environment: ["RESTIC_PASSWORD": "x", "RESTIC_REPOSITORY": folder("repository"), "TZ": "UTC"])
  }

  @Test(.enabled(if: Program("restic").isInstalled))
  func `keep rules keep what restic keeps, for its reasons`() throws {
    // Later versions also keep the oldest one while a rule has something left to keep.
    #expect(try restic.check(["version"]).text.hasPrefix("restic 0.14."))
    try folder.write("file", Array("content".utf8))
    try restic.check(["init", "--quiet", "--no-cache"])
    var random = SplitMix64(seed: 14)
    let backups = (0..<Self.snapshotCount).map { _ in
      let tags = (0..<4).filter { _ in random.bool() }.flatMap { ["--tag", "t\($0)"] }
      return ["backup", "--quiet", "--no-cache", "--host", "h\(random.below(7))"] + tags
        + ["--time", Self.time(&random), folder("file")]
    }
    _ = try run(backups)

    let questions = (0..<Self.questionCount).map { _ in Question(&random) }
    let answers = try run(
      questions.map {
        ["forget", "--dry-run", "--json", "--no-cache", "--no-lock"] + $0.arguments
      })
    var (groupCount, removedCount) = (0, 0)
    for (question, answer) in zip(questions, answers) {
      for group in try JSONDecoder().decode([Group].self, from: Data(answer.output)) {
        try compare(group, question)
        groupCount += 1
        removedCount += group.remove?.count ?? 0
      }
    }
    #expect(groupCount > 300)
    #expect(removedCount > 500)
  }

  private func compare(_ group: Group, _ question: Question) throws {
    let times = ((group.keep ?? []) + (group.remove ?? [])).map(\.time)
    let candidates = try times.enumerated().map { index, text in
      let date = try #require(ISO8601DateFormatter().date(from: text), "\(text)")
      return PrunePlan.Candidate(
        id: UInt64(index), createdAt: Int64(date.timeIntervalSince1970) * 1_000_000_000)
    }
    let plan = PrunePlan(candidates, question.rules, now: Self.now)
    let kept = plan.kept.map { kept in
      let reasons = kept.reasons.map { $0.hasPrefix("within") ? question.within : $0 }
      return "\(times[Int(kept.id)]) \(reasons)"
    }
    let expected = (group.reasons ?? []).map { "\($0.snapshot.time) \($0.matches)" }
    #expect(kept == expected, "\(question.arguments)")
    #expect(
      plan.removed.map { times[Int($0)] } == (group.remove ?? []).map(\.time),
      "\(question.arguments)")
  }

  /// Three processes at a time: most of what they do is to derive the repository's key.
  private func run(_ calls: [[String]]) throws -> [Program.Result] {
    var results: [Program.Result] = []
    for first in stride(from: 0, to: calls.count, by: 3) {
      let running = try calls[first..<min(first + 3, calls.count)].map { try restic.start($0) }
      results += try running.map { try $0.wait() }
    }
    for (call, result) in zip(calls, results) {
      try #require(result.status == 0, "\(call): \(result.errors)")
    }
    return results
  }

  /// Times that often lie in one hour, day, week, month or year, and at their ends.
  private static func time(_ random: inout SplitMix64) -> String {
    let years = [2019, 2020, 2020, 2021, 2021, 2021, 2022, 2099]
    let days = ["01-01", "01-03", "01-04", "02-28", "12-27", "12-28", "12-31"]
    let day =
      random.bool()
      ? days[random.below(days.count)]
      : String(format: "%02d-%02d", 1 + random.below(12), 1 + random.below(28))
    let hours = ["00:00:00", "23:59:59", "10:00:00", "10:30:00", "11:00:00"]
    return "\(years[random.below(years.count)])-\(day) \(hours[random.below(hours.count)])"
  }

  /// Which snapshots restic is asked about, how it groups them, and by which rules.
  private struct Question {
    var arguments: [String] = []
    var rules = KeepRules()
    /// The reason of the rule, in restic's words.
    var within = ""

    init(_ random: inout SplitMix64) {
      arguments = ["--group-by", ["", "host", "host", "host", "tags"][random.below(5)]]
      if random.bool() { arguments += ["--tag", "t\(random.below(4))"] }
      let paths: [(String, WritableKeyPath<KeepRules, Int>)] = [
        ("last", \.last), ("hourly", \.hourly), ("daily", \.daily), ("weekly", \.weekly),
        ("monthly", \.monthly), ("yearly", \.yearly),
      ]
      while rules.isEmpty {
        for (name, path) in paths where random.oneIn(4) {
          rules[keyPath: path] = 1 + random.below(5)
          arguments += ["--keep-\(name)", "\(rules[keyPath: path])"]
        }
        if random.oneIn(3), rules.within == nil {
          let hours = UInt64(random.below(4000))
          rules.within = .hours(hours + 1)
          let (days, rest) = (hours + 1).quotientAndRemainder(dividingBy: 24)
          let text = (days > 0 ? "\(days)d" : "") + (rest > 0 ? "\(rest)h" : "")
          within = "within \(text)"
          arguments += ["--keep-within", text]
        }
      }
    }
  }
}
