import CoppiceInstances
import Testing

struct RestartBrakeTests {
  @Test func `three restarts in five minutes, and then again as they lie back`() {
    var brake = RestartBrake()
    let minute: UInt64 = 60_000_000_000
    let outcomes = (0..<9).map { brake.release(at: minute * UInt64($0)) }
    #expect(outcomes == [true, true, true, false, false, true, true, true, false])
  }
}
