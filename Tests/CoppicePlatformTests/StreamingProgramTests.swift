import CoppicePlatform
import Glibc
import TestSupport
import Testing

struct StreamingProgramTests {
  private static func text(_ program: StreamingProgram) throws -> String {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = try buffer.withUnsafeMutableBytes { try program.output.readNext(into: $0) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  @Test func `it reads what another one prints, or nothing`() throws {
    let source = try StreamingProgram("/bin/sh", ["-c", "seq 3; exit 4"], as: getuid())
    let reader = try StreamingProgram("/usr/bin/tac", [], as: getuid(), reading: source.output)
    #expect(try Self.text(reader) == "3\n2\n1\n")
    #expect(try reader.wait() == .exited(0))
    #expect(try source.wait() == .exited(4))
    let alone = try StreamingProgram("/bin/cat", [], as: getuid())
    #expect(try Self.text(alone) == "")
    #expect(try alone.wait() == .exited(0))
  }

  @Test func `what it leaves in its session ends, and nothing that it leaves holds its end up`()
    throws
  {
    let script = "sleep 987651 & setsid sleep 987652 & echo $! >&2; exit 3"
    let program = try StreamingProgram("/bin/sh", ["-c", script], as: getuid())
    try program.passOver { true }
    #expect(try program.wait() == .exited(3))
    #expect(try Program("pgrep").run(["-f", "^sleep 987651"]).text == "")
    let stranger = try Program("pgrep").run(["-f", "^sleep 987652"]).text
    #expect(stranger == program.errors)
    kill(try #require(pid_t(stranger.dropLast())), SIGKILL)
  }

  @Test(.enabled(if: getuid() == 0, "needs root"))
  func `a confined one sees a directory and the programs, and leaves nothing`() throws {
    let folder = try TemporaryFolder()
    #expect(chmod(folder.path, 0o777) == 0)
    let script = """
      setsid sleep 987653 > /dev/null 2>&1 &
      id -u; id -G; echo $$; cat
      for place in etc home proc root run sys var dev/shm; do [ ! -e /$place ] || echo /$place; done
      for place in / /usr /dev /tmp; do ! touch $place/x 2> /dev/null || echo $place; done
      touch \(folder.path)/made; exit 7
      """
    let source = try StreamingProgram("/bin/echo", ["input"], as: 0)
    let program = try StreamingProgram(
      "/bin/sh", ["-c", script], as: 709_999, reading: source.output, confinedTo: folder.path)
    let lines = try Self.text(program).split(separator: "\n")
    #expect(lines == ["709999", "709999", "1", "input"], "\(program.errors)")
    #expect(try program.wait() == .exited(7))
    // One that nobody waits for would keep the tests that end processes waiting for ever.
    #expect(try source.wait() == .exited(0))
    #expect(access(folder("made"), F_OK) == 0)
    #expect(try Program("pgrep").run(["-u", "709999"]).text == "")
  }
}
