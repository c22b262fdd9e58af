import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// PostgreSQL under load on a branch, and each of the processes that it takes killed in turn.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceKillTests {
  private enum Target: CaseIterable {
    case backend, postmaster, launcher, server
  }

  /// `KILLS` has as many as one likes.
  private static let killCount = getenv("KILLS").flatMap { Int(String(cString: $0)) } ?? 100
  private static let roundsBetweenChecks = 25

  @Test func `no transaction that was answered is lost, whatever is killed`() throws {
    let clusters = try ServedClusters()
    let (url, _) = try clusters.start("a", "--from", "main", "--superuser")
    try pgbench(["-i", "-q", "-s", "1", url])
    var random = SplitMix64(seed: 4711)
    var answered = 0
    for round in 0..<Self.killCount {
      let target = Target.allCases[round % Target.allCases.count]
      let load = try Program("\(PostgreSQL.programs)/pgbench").start(
        ["-n", "-c", "4", "-T", "20", url])
      usleep(UInt32(random.below(300_000)) + 50_000)
      try end(target, of: clusters, &random)
      answered += processedCount(try load.wait().text)
      try revive(clusters, url)
      let sums = try clusters.sql(Self.sums, url)
      #expect(sums.hasPrefix("t|"), "round \(round), \(target): \(sums)")
      let kept = Int(sums.dropFirst(2).filter(\.isNumber)) ?? 0
      #expect(kept >= answered, "round \(round), \(target): \(kept) of \(answered)")
      answered = kept
      if round % Self.roundsBetweenChecks == Self.roundsBetweenChecks - 1 {
        try Program("\(PostgreSQL.programs)/pg_amcheck").check(["--install-missing", url])
      }
    }
    clusters.stop()
    #expect(try clusters.coppice("check").status == 0)
  }

  /// Whether what each table says of all transactions is the same, and how many there are.
  private static let sums = """
    SELECT (SELECT sum(abalance) FROM pgbench_accounts) = coalesce(sum(delta), 0)
      AND (SELECT sum(bbalance) FROM pgbench_branches) = coalesce(sum(delta), 0)
      AND (SELECT sum(tbalance) FROM pgbench_tellers) = coalesce(sum(delta), 0), count(*)
    FROM pgbench_history
    """

  private func pgbench(_ arguments: [String]) throws {
    try Program("\(PostgreSQL.programs)/pgbench").check(arguments)
  }

  private func processedCount(_ report: String) -> Int {
    let line = report.split(separator: "\n").first {
      $0.contains("transactions actually processed")
    }
    let words = line?.split(separator: ":").last?.split(separator: "/").first
    return words.flatMap { Int($0.filter(\.isNumber)) } ?? 0
  }

  private func end(
    _ target: Target, of clusters: ServedClusters, _ random: inout SplitMix64
  ) throws {
    guard let postmaster = try clusters.instance("a")?["process"] as? Int else { return }
    switch target {
    case .backend:
      let children = try Program("pgrep").run(["-P", "\(postmaster)"]).text.split(separator: "\n")
      guard let child = children.randomElement(using: &random).flatMap({ pid_t($0) }) else {
        return
      }
      kill(child, SIGKILL)
    case .postmaster: kill(pid_t(postmaster), SIGKILL)
    case .launcher: kill(try clusters.parent(of: postmaster), SIGKILL)
    case .server:
      try clusters.kill()
      try clusters.start()
    }
  }

  /// Returns once it answers; it is started by hand where it has been started too often.
  private func revive(_ clusters: ServedClusters, _ url: String) throws {
    try waitUntil {
      if try Program("/usr/bin/psql").run(["-Xq", url, "-c", ""]).status == 0 { return true }
      _ = try clusters.coppice("pg", "start", "a")
      return false
    }
  }
}
