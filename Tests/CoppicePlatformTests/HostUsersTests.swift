import CoppicePlatform
import Glibc
import TestSupport
import Testing

@Suite struct HostUsersTests {
  @Test func `a process is of those that led to it, as long as it runs`() throws {
    let folder = try TemporaryFolder()
    let shell = try Program("sh").start(
      ["-c", "sleep 60 & echo $! > child; mv child started; wait"], in: folder.path)
    defer { shell.send(signal: SIGKILL) }
    while access(folder("started"), F_OK) != 0 { usleep(10_000) }
    let text = String(decoding: try TemporaryFolder.bytes(of: folder("started")), as: UTF8.self)
    let child = try #require(Int32(text.filter(\.isNumber)))

    #expect(HostUsers.isProcess(child, of: child))
    #expect(HostUsers.isProcess(child, of: shell.pid))
    #expect(HostUsers.isProcess(child, of: HostProcess.identifier))
    #expect(!HostUsers.isProcess(shell.pid, of: child))

    Glibc.kill(child, SIGKILL)
    _ = try shell.wait()
    #expect(!HostUsers.isProcess(child, of: shell.pid))
  }
}
