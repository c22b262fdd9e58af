import CoppiceInstances
import Testing

struct IsolationTests {
  @Test func `isolations are written by their names`() {
    #expect(Isolation.allCases.map(\.rawValue) == ["full", "user", "none"])
  }
}
