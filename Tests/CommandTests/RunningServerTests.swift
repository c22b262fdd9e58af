import Foundation
import Glibc
import TestSupport
import Testing

/// Data directories that a server works on, wherever it lives. What stands for the server is a
/// program of its name.
@Suite(.serialized, .enabled(if: MountRequirement.isMet, "needs root and /dev/fuse"))
struct RunningServerTests {
  private let coppice: CoppiceCommand

  init() throws {
    coppice = try CoppiceCommand()
    try coppice.script(
      """
      mkdir -p data/global mnt; echo 15 > data/PG_VERSION; echo x > data/global/pg_control
      cp "$(command -v sleep)" postgres
      """)
  }

  /// Runs `body` beside the server's stand-in, with its process number.
  private func withServer(
    in directory: String, named program: String = "postgres", _ wrapper: [String] = [],
    _ body: (Int32) throws -> Void
  ) throws {
    let words = wrapper + [coppice.folder(program), "1000"]
    let running = try Program(words[0]).start(
      Array(words.dropFirst()), in: coppice.folder(directory))
    defer {
      running.send(signal: SIGKILL)
      _ = try? running.wait()
    }
    let place = coppice.folder(directory)
    for _ in 0..<1000 {
      let found = try coppice.script(
        """
        for p in /proc/[0-9]*; do
          if [ "$(readlink $p/cwd)" = "\(place)" ] && [ "$(cat $p/comm)" = "\(program)" ]; then
            echo ${p#/proc/}; fi
        done 2> /dev/null
        """
      ).text
      if let process = Int32(found.trimmingCharacters(in: .whitespacesAndNewlines)) {
        return try body(process)
      }
      usleep(10_000)
    }
    Issue.record("the stand-in did not start")
  }

  @Test(arguments: [[], ["unshare", "--pid", "--fork", "--kill-child"]])
  func `a directory in which a server works is refused, whatever its number is in there`(
    wrapper: [String]
  ) throws {
    try coppice.script("printf '2\\n' > data/postmaster.pid")
    try withServer(in: "data", wrapper) { process in
      let refused = try coppice.failure("import", "data", "main")
      #expect(refused.status == 5)
      #expect(refused.message.contains("process \(process)"))
      try coppice.script("rm data/postmaster.pid")
      #expect(try coppice("import", "data", "main").status == 5)
    }
    try coppice.check("import", "data", "main")
  }

  @Test func `a number in postmaster.pid, or a shell in the directory, is no server`() throws {
    try coppice.script("printf '1\\n' > data/postmaster.pid; cp postgres shell")
    try withServer(in: "data", named: "shell") { _ in
      try coppice.check("import", "data", "main")
    }
  }

  @Test func `what a server works on in a mount is not pulled away by less than force`() throws {
    try coppice.check("import", "data", "main")
    let answer = try coppice.json("mount", "mnt")
    let process = Int32(try #require(answer["process"] as? Int))
    defer {
      _ = try? coppice("stop", "--force")
      _ = try? coppice.script("umount -l mnt 2> /dev/null || true")
    }
    try withServer(in: "mnt/main") { server in
      for words in [
        ["stop"], ["branch", "rename", "main", "new"], ["branch", "delete", "main"],
        ["branch", "delete", "main", "--dry-run"], ["import", "--replace", "data", "main"],
      ] {
        let refused = try coppice.program.run(words, in: coppice.folder.path)
        #expect(refused.status == 5, "\(words)")
        #expect(refused.errors.contains("process \(server)"), "\(refused.errors)")
      }
      // Whoever works there, the store's own mount is no source.
      #expect(try coppice("import", "mnt/main", "copy").status == 64)
      #expect(kill(process, 0) == 0)
      try coppice.check("stop", "--force")
      let log = try String(contentsOfFile: coppice.folder("store/server.log"), encoding: .utf8)
      #expect(log.contains("main is in use by process \(server) (postgres)"))
    }
  }

  @Test func `stop names the program that has a file open, or mapped, or had it open`() throws {
    try coppice.check("import", "data", "main")
    try coppice.check("mount", "mnt")
    defer {
      _ = try? coppice("stop", "--force")
      _ = try? coppice.script("umount -l mnt 2> /dev/null || true")
    }
    let file = open(coppice.folder("mnt/main/PG_VERSION"), O_RDONLY | O_CLOEXEC)
    #expect(file >= 0)
    let refused = try coppice.failure("stop")
    #expect(refused.status == 5 && refused.object == "main")
    #expect(refused.message.contains("1 file is open, by process \(getpid()) ("))
    let mapped = mmap(nil, 1, PROT_READ, MAP_SHARED, file, 0)
    close(file)
    #expect(try coppice.failure("stop").message.contains("by process \(getpid()) ("))
    munmap(mapped, 1)
    try coppice.check("stop")
  }
}
