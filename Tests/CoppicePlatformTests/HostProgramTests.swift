import CoppicePlatform
import Glibc
import TestSupport
import Testing

struct HostProgramTests {
  private static func run(
    _ script: String, within time: Duration = .seconds(60)
  ) throws(SystemError) -> HostProgram.Result {
    try HostProgram.run("/bin/sh", ["-c", script], within: time)
  }

  @Test func `what a program prints comes back, with its status`() throws {
    let result = try Self.run("echo out; echo err >&2; exit 7")
    #expect(result.status == 7)
    #expect(String(decoding: result.output, as: UTF8.self) == "out\nerr\n")
    #expect(try Self.run("kill -9 $$").status == 137)
  }

  @Test func `it gets no input, no descriptors, and an environment of its own`() throws {
    let text = String(decoding: try Self.run("cat; ls /proc/self/fd; env").output, as: UTF8.self)
    // `ls` has the directory open itself.
    #expect(text.hasPrefix("0\n1\n2\n3\n"))
    let names = text.split(separator: "\n").filter { $0.contains("=") }.map {
      String($0.prefix { $0 != "=" })
    }
    #expect(Set(names).isSubset(of: ["PATH", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"]))
    #expect(text.contains("LC_ALL=C\n"))
  }

  @Test func `one that does not end is ended`() throws {
    let error = #expect(throws: SystemError.self) {
      try Self.run("exec sleep 1000", within: .zero)
    }
    #expect(error?.code == ETIMEDOUT)
    #expect(error?.path == "/bin/sh")
  }

  @Test func `one that prints without end is ended`() throws {
    let error = #expect(throws: SystemError.self) { try Self.run("exec yes") }
    #expect(error?.code == EFBIG)
  }

  @Test func `one that is not there is told`() throws {
    let error = #expect(throws: SystemError.self) {
      try HostProgram.run("/nowhere/program", [], within: .seconds(60))
    }
    #expect(error?.call == "posix_spawn")
    #expect(error?.code == ENOENT)
  }
}
