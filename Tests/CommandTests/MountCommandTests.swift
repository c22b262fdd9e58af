import CoppicePlatform
import Foundation
import Glibc
import TestSupport
import Testing

/// Mounts by the command: servers in the background, open files, and ends from outside.
@Suite(.serialized, .enabled(if: MountRequirement.isMet, "needs root and /dev/fuse"))
struct MountCommandTests {
  private let coppice: CoppiceCommand

  init() throws {
    coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    try coppice.script("mkdir mnt")
  }

  /// Everything of a tree that does not depend on its file system.
  private func contents(_ directory: String) throws -> String {
    try coppice.script(
      """
      cd \(directory)
      find . ! -type d -printf '%p %y %m %U:%G %n %s %l\\n' | LC_ALL=C sort
      find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
      """
    ).text
  }

  /// Runs `body` with the store mounted by a server in the background, and stops that after.
  private func withMount(_ body: (_ process: Int32) throws -> Void) throws {
    let answer = try coppice.json("mount", "mnt")
    let process = Int32(try #require(answer["process"] as? Int))
    defer {
      _ = try? coppice("stop")
      _ = try? coppice.script("umount mnt 2> /dev/null || true")
    }
    try body(process)
  }

  @Test func `a mount in the background serves, tells its state and keeps a log`() throws {
    try withMount { process in
      #expect(getsid(process) == process)
      let number = try String(
        contentsOfFile: coppice.folder("store/server.pid"), encoding: .utf8)
      #expect(number == "\(process)\n")
      let status = try coppice.json("status")
      let mounts = try #require(status["mounts"] as? [[String: Any]])
      #expect(mounts.map { $0["directory"] as? String } == [coppice.folder("mnt")])
      #expect(mounts.map { $0["usesWritebackCache"] as? Bool } == [false])
      #expect(try contents("mnt/main") == contents("tree"))
      let log = try String(contentsOfFile: coppice.folder("store/server.log"), encoding: .utf8)
      #expect(log.contains("mounted on \(coppice.folder("mnt"))"))
    }
    #expect(try coppice.json("status")["isRunning"] as? Bool == false)
    #expect(try coppice.script("ls mnt").text == "")
  }

  @Test func `a directory whose name is no text is mounted on and unmounted`() throws {
    let place = try coppice.script(
      """
      mkdir $'mnt\\xe9' store2; c=\(CoppiceCommand.productFolder)/coppice
      export COPPICE_STORE=store2; $c init > /dev/null; $c branch create main > /dev/null
      $c mount $'mnt\\xe9' > /dev/null; ls $'mnt\\xe9'; $c status; $c stop > /dev/null
      ls $'mnt\\xe9'
      """
    ).text
    #expect(place.hasPrefix("main\n") && place.contains(#"/mnt$'\xE9'"#))
    #expect(place.components(separatedBy: "main").count == 2)
  }

  @Test func `a mount with the kernel's writeback cache keeps what was written`() throws {
    try coppice.check("mount", "mnt", "--writeback-cache")
    defer { _ = try? coppice.script("umount mnt 2> /dev/null || true") }
    #expect(try coppice.check("status").text.contains("with the kernel's writeback cache"))
    try coppice.script("echo kept > mnt/main/gathered")
    try coppice.check("stop")
    #expect(try coppice.check("cat", "main:gathered").text == "kept\n")
  }

  @Test(arguments: [[], ["--no-rings"]])
  func `a mount takes requests by rings where there are any`(_ words: [String]) throws {
    defer { _ = try? coppice.script("umount mnt 2> /dev/null || true") }
    let usesRings = words.isEmpty && RingSetting.isThere
    let output = try coppice.program.check(
      ["mount", "mnt", "--json"] + words, in: coppice.folder.path)
    let object = try JSONSerialization.jsonObject(with: Data(output.text.utf8))
    let mount = (object as? [String: Any])?["mount"] as? [String: Any]
    #expect(mount?["usesRings"] as? Bool == usesRings)
    let way = usesRings ? "requests by rings" : "requests read from the device"
    #expect(try coppice.check("status").text.contains(way))
    #expect(try contents("mnt/main") == contents("tree"))
    try coppice.check("stop")
  }

  @Test func `a new branch is there at once, and what is written in it is in the store`() throws {
    try withMount { _ in
      try coppice.check("branch", "create", "fork", "--from", "main", "--sync")
      try coppice.script("echo more > mnt/fork/more; sync mnt/fork/more")
      #expect(try coppice.check("cat", "fork:more").text == "more\n")
      #expect(try coppice.check("diff", "main", "fork").text.contains("more"))
    }
    #expect(try coppice.check("cat", "fork:more").text == "more\n")
  }

  @Test func `a branch with open files is deleted, reset and replaced by force only`() throws {
    try withMount { _ in
      for change in [
        ["branch", "delete", "fork"], ["branch", "reset", "fork", "--to", "main"],
        ["import", "--replace", "tree", "fork"],
      ] {
        try coppice.check("branch", "create", "fork", "--from", "main", "--or-existing")
        let file = open(coppice.folder("mnt/fork/a/numbers"), O_RDONLY | O_CLOEXEC)
        #expect(file >= 0)
        defer { close(file) }
        let refused = try coppice.program.run(change, in: coppice.folder.path)
        #expect(refused.status == 5, "\(change)")
        let forced = try coppice.program.run(change + ["--force"], in: coppice.folder.path)
        #expect(forced.status == 0, "\(change): \(forced.errors)")
        var byte: UInt8 = 0
        #expect(pread(file, &byte, 1, 1 << 19) == -1)
        #expect(errno == ESTALE)
      }
    }
  }

  @Test func `a server that a mount began ends with it, one that serves does not`() throws {
    try withMount { process in
      try coppice.script("umount mnt")
      #expect(try HostProcess.waitForEnd(of: process, milliseconds: 30_000))
      #expect(try coppice("status").text.contains("no server"))
    }
    let server = try ServingCoppice(coppice)
    #expect(try coppice.json("mount", "mnt")["process"] as? Int == Int(server.process))
    try coppice.script("umount mnt")
    #expect(try coppice.json("status")["isRunning"] as? Bool == true)
    #expect(try server.end(SIGTERM).status == 0)
  }

  @Test func `a mount that a killed server left is replaced`() throws {
    try withMount { process in
      try coppice.script("echo durable > mnt/main/file; sync mnt/main/file")
      kill(process, SIGKILL)
      #expect(try HostProcess.waitForEnd(of: process, milliseconds: 30_000))
      try coppice.check("mount", "mnt")
      #expect(try coppice.script("cat mnt/main/file").text == "durable\n")
    }
  }

  @Test func `what keeps it from mounting is told by whoever asked`() throws {
    let missing = try coppice.failure("mount", "nowhere")
    #expect(missing.status == 3)
    #expect(missing.object.hasSuffix("/nowhere"))
    let full = try coppice.failure("mount", "tree")
    #expect(full.status == 4)
    #expect(try coppice("status").text.contains("no server"))
    let server = try ServingCoppice(coppice)
    #expect(try coppice.failure("mount", "nowhere").status == 3)
    #expect(try coppice.failure("mount", "tree").status == 4)
    #expect(try coppice.json("status")["isRunning"] as? Bool == true)
    #expect(try server.end(SIGTERM).status == 0)
  }

  @Test func `in the foreground it serves until it is unmounted`() throws {
    let running = try coppice.program.start(
      ["mount", "--foreground", "mnt"], in: coppice.folder.path)
    // Commands wait for a store that is being opened; the status tells once it is served.
    var isServed = false
    while !isServed {
      let status = try coppice.json("status")
      isServed = !((status["mounts"] as? [Any])?.isEmpty ?? true)
    }
    #expect(try contents("mnt/main") == contents("tree"))
    try coppice.script("umount mnt")
    #expect(try running.wait().status == 0)
  }

  @Test func `without the right to mount it says what to do`() throws {
    try coppice.script("chmod 755 . ; chown -R 65534 store mnt")
    let result = try Program("setpriv").run([
      "--reuid=65534", "--regid=65534", "--clear-groups", coppice.program.path, "mount",
      coppice.folder("mnt"), "--store", coppice.folder("store"),
    ])
    #expect(result.status == 6)
    #expect(result.errors.contains("/dev/fuse"))
  }

  @Test func `the own mount is a target, and the source of files but not of directories`() throws {
    try withMount { _ in
      let before = try coppice.failure("import", "mnt/main", "copy")
      #expect(before.status == 64)
      #expect(before.message.contains("own mount"))
      #expect(before.object == "mnt/main")
      #expect(try coppice.failure("import", "mnt/main/a", "main:b").status == 64)
      #expect(try coppice("ls", "copy").status == 3)
      // What the error says to do.
      try coppice.script(
        """
        export COPPICE_STORE=store
        \(coppice.program.path) export --tar main:a - | \(coppice.program.path) import --tar - \
        main:b
        diff -r mnt/main/a mnt/main/b
        """)
      try coppice.check("branch", "create", "other")
      try coppice.check("export", "main", "mnt/other/out")
      #expect(try contents("mnt/other/out") == contents("mnt/main"))
      try coppice.check("export", "main:a", "mnt/main/a-out")
      try coppice.script("diff -r mnt/main/a-out mnt/main/a")
      try coppice.check("import", "mnt/main/a/numbers", "other:numbers")
      try coppice.script("cmp mnt/other/numbers tree/a/numbers")
      // The server reads what it would replace the branch under.
      #expect(try coppice("import", "mnt/main/a/numbers", "main:numbers").status == 5)
      try coppice.check("put", "main:put", input: coppice.folder("mnt/main/a/numbers"))
      try coppice.script("cmp mnt/main/put tree/a/numbers")
      try coppice.check("export", "--tar", "main", "mnt/main/main.tar")
      try coppice.check("import", "--tar", "mnt/main/main.tar", "again")
      #expect(try coppice.check("cat", "again:a/b/hello").text == "hello")
    }
  }

  @Test func `the own mount is no source by a bind mount either`() throws {
    try withMount { _ in
      try coppice.script("mkdir bound tree/within; mount --bind mnt/main/a bound")
      defer { _ = try? coppice.script("umount bound") }
      let direct = try coppice.failure("import", "bound", "copy")
      #expect(direct.status == 64 && direct.message.contains("own mount"))
      try coppice.script("mount --bind mnt/main/a tree/within")
      defer { _ = try? coppice.script("umount tree/within; rmdir tree/within") }
      let within = try coppice.failure("import", "tree", "copy")
      #expect(within.status == 64 && within.message.contains("own mount"))
      #expect(try coppice("ls", "copy").status == 3)
    }
  }

  @Test func `an import below a path of a branch in use says by whom`() throws {
    try withMount { _ in
      try withSleeper("exec sleep 60 < \(coppice.folder("mnt/main/a/numbers"))") { process in
        let refused = try coppice.failure("import", "tree", "main:below")
        #expect(refused.status == 5)
        #expect(refused.message.contains("by process \(process) (sleep)"))
        #expect(refused.remedy.contains("--force"))
      }
    }
  }

  @Test func `who stands in the mount keeps the server`() throws {
    try withMount { _ in
      try withSleeper("cd \(coppice.folder("mnt/main/a")); exec sleep 60") { process in
        let refused = try coppice.failure("stop")
        #expect(refused.status == 5)
        #expect(refused.message.contains("\(process) (sleep)"))
        #expect(refused.object == "main")
      }
    }
  }

  /// Runs `body` beside a shell's script, with its process number, once it has become `sleep`.
  private func withSleeper(_ script: String, _ body: (Int32) throws -> Void) throws {
    let sleeper = try Program("sh").start(["-c", script])
    defer {
      sleeper.send(signal: SIGKILL)
      _ = try? sleeper.wait()
    }
    for _ in 0..<1000 {
      if FileUser.name(of: sleeper.pid) == "sleep" { return try body(sleeper.pid) }
      usleep(10_000)
    }
    Issue.record("the script did not come to sleep")
  }
}
