import CoppicePlatform
import Testing

@Suite struct HostUserTests {
  @Test func `a user is called by his name, or by his number where he has none`() {
    #expect(HostUser.name(of: 0) == "root" && HostUser.name(of: 0) == "root")
    #expect(HostUser.name(of: 54_321) == "54321")
    #expect(HostUser.name(of: .max - 1) == "4294967294")
  }
}
