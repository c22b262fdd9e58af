import TestSupport
import Testing

/// What people are told of instances.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceAnswerTests {
  @Test func `a port outside of those for instances is refused`() throws {
    let clusters = try ServedClusters("--pg-ports", "7400-7499")
    let coppice = clusters.coppice
    for port in ["22", "7399", "7500", "0", "70000"] {
      let refused = try coppice.failure("pg", "start", "a", "--from", "main", "--port", port)
      #expect(refused.status == 64 && refused.message.contains("7400-7499"), "\(port)")
      #expect(refused.remedy.contains("--pg-ports"))
    }
    #expect(try coppice("ls", "a").status == 3)
    let (_, answer) = try clusters.start("a", "--from", "main", "--port", "7450")
    #expect(answer["port"] as? Int == 7450)
    let running = try coppice.failure("pg", "start", "a", "--port", "22")
    #expect(running.status == 64)
  }
}
