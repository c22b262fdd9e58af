import Foundation
import Glibc
import TestSupport
import Testing

/// What goes in comes out.
@Suite struct TransferTests {
  @Test func `a directory comes back as it was`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let before = try coppice.listing("tree")
    let imported = try coppice.json("import", "tree", "main")
    #expect(imported["fileCount"] as? Int == 6)
    #expect(imported["hardLinkCount"] as? Int == 1)
    #expect(imported["specialFileCount"] as? Int == 1)
    try coppice.check("export", "main", "out")
    #expect(try coppice.listing("out") == before)
    let blocks = try coppice.script("stat -c %b out/sparse").text
    #expect((Int(blocks.dropLast()) ?? .max) < 1000)
    try coppice.script("[ $(stat -c %i out/hard) = $(stat -c %i out/a/numbers) ]")
  }

  @Test func `extended attributes come back`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script(
      """
      mkdir tree; echo x > tree/file
      python3 -c "import os; os.setxattr('tree/file', 'user.a', b'\\0value'); os.setxattr('tree', \
      'user.top', b'1')"
      """)
    try coppice.check("import", "tree", "main")
    try coppice.check("export", "main", "out")
    try coppice.script(
      """
      python3 -c "import os; assert os.getxattr('out/file', 'user.a') == b'\\0value'; assert \
      os.getxattr('out', 'user.top') == b'1'"
      """)
  }

  @Test func `a tar stream comes back as it was, both ways`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let before = try coppice.listing("tree")
    try coppice.script("tar --format=posix -S -cf in.tar -C tree .")
    try coppice.check("import", "--tar", "-", "main", input: coppice.folder("in.tar"))
    try coppice.check("export", "main", "out")
    #expect(try coppice.listing("out") == before)
    try coppice.check("export", "--tar", "main", "out.tar")
    try coppice.script("mkdir again; tar --numeric-owner -xpf out.tar -C again")
    #expect(try coppice.listing("again") == before)
    let streamed = try coppice.check("export", "--tar", "main", "-").output
    #expect(try streamed == TemporaryFolder.bytes(of: coppice.folder("out.tar")))
  }

  @Test func `a tar stream that ends early changes nothing`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.script("tar --format=posix -cf in.tar -C tree .; head -c 700000 in.tar > cut.tar")
    let failure = try coppice.failure(
      "import", "--tar", "-", "main", input: coppice.folder("cut.tar"))
    #expect(failure.status == 64)
    #expect(failure.message.contains("ends early"))
    #expect(try coppice("ls", "main").status == 3)
    try coppice.check("import", "--tar", "in.tar", "main")
    let before = try coppice.listing("tree")
    #expect(try coppice("import", "--tar", "--replace", "cut.tar", "main").status == 64)
    try coppice.check("export", "main", "out")
    #expect(try coppice.listing("out") == before)
  }

  @Test func `a changed directory is mirrored, and only changes are stored`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    try coppice.script("head -c 8M /dev/urandom > tree/noise")
    // Older than the two seconds in which a change could hide.
    try coppice.check("import", "tree", "main")
    try coppice.check("branch", "create", "before", "--from", "main")
    try coppice.script(
      """
      cd tree
      printf 'changed' | dd of=noise bs=1 seek=4000000 conv=notrunc status=none
      rm -r a/b; rm hard; mkdir a/b-new; echo new > a/b-new/file
      rm soft; mkdir soft; echo inside > soft/file; rm -r empty; echo file > empty
      chmod 640 a/numbers
      """)
    let changed = try coppice.json("import", "--replace", "tree", "main")
    let stored = try #require(changed["storedByteCount"] as? Int)
    #expect(stored < 2 << 20)
    try coppice.check("export", "main", "out")
    #expect(try coppice.listing("out") == coppice.listing("tree"))
    try coppice.check("check")
  }

  @Test func `an unchanged file is skipped unless the branch changed it`() throws {
    let coppice = try CoppiceCommand()
    // Files that nobody changed within the last seconds.
    let source = "/usr/share/common-licenses"
    let first = try coppice.json("import", source, "main")
    let fileCount = try #require(first["fileCount"] as? Int)
    #expect(fileCount > 2)
    #expect(first["unchangedFileCount"] as? Int == 0)
    let again = try coppice.json("import", "--replace", source, "main")
    #expect(again["unchangedFileCount"] as? Int == fileCount)
    let all = try coppice.json("import", "--replace", "--checksum", source, "main")
    #expect(all["unchangedFileCount"] as? Int == 0)
    try coppice.folder.write("in", "changed in the branch".utf8)
    try coppice.check("put", "main:GPL-2", input: coppice.folder("in"))
    let back = try coppice.json("import", "--replace", source, "main")
    #expect(back["unchangedFileCount"] as? Int == fileCount - 1)
    try coppice.check("export", "main", "out")
    try coppice.script("diff -r --no-dereference \(source) out")
  }

  @Test func `files and streams go to a path and come from one`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script("head -c 5000000 /dev/urandom > image")
    let image = try TemporaryFolder.bytes(of: coppice.folder("image"))
    try coppice.check("import", "image", "machines:web/disk")
    try coppice.check("import", "-", "machines:web/stream", input: coppice.folder("image"))
    try coppice.check("import", "image", "named")
    #expect(try coppice.check("cat", "machines:web/disk").output == image)
    #expect(try coppice.check("cat", "machines:web/stream").output == image)
    #expect(try coppice.check("cat", "named:image").output == image)
    try coppice.check("export", "machines:web/disk", "copy")
    #expect(try TemporaryFolder.bytes(of: coppice.folder("copy")) == image)
    #expect(try coppice.check("export", "machines:web/disk", "-").output == image)
    let failure = try coppice.failure("import", "-", "nowhere", input: coppice.folder("image"))
    #expect(failure.status == 64)
    #expect(failure.remedy.contains("nowhere:PATH"))
  }

  @Test func `put takes more than a transaction holds`() throws {
    let coppice = try CoppiceCommand()
    try coppice.check("branch", "create", "main")
    try coppice.script("head -c 20000001 /dev/urandom > big")
    try coppice.check("put", "main:dir/big", input: coppice.folder("big"))
    #expect(
      try coppice.check("cat", "main:dir/big").output
        == TemporaryFolder.bytes(of: coppice.folder("big")))
    try coppice.check("put", "main:zeros", "--zeros", "3G")
    try coppice.check("export", "main:zeros", "zeros")
    try coppice.script("[ $(stat -c %s zeros) = 3221225472 ]; [ $(stat -c %b zeros) -lt 64 ]")
  }

  @Test func `a source inside the store or around it is refused`() throws {
    let coppice = try CoppiceCommand()
    #expect(try coppice("import", coppice.folder.path, "main").status == 64)
    #expect(try coppice("import", "store", "main").status == 64)
    #expect(try coppice("import", "missing", "main").status == 3)
    #expect(try coppice("ls", "main").status == 3)
  }

  @Test(.enabled(if: getuid() == 0, "running as another user needs root"))
  func `an unreadable file is an error that names it`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script(
      "mkdir tree; echo x > tree/secret; chmod -R a+rwX store .; chmod 0 tree/secret")
    let result = try Program("setpriv").run(
      [
        "--reuid=65534", "--regid=65534", "--clear-groups", coppice.program.path, "import",
        "tree", "main", "--json", "--store", coppice.folder("store"),
      ], in: coppice.folder.path)
    #expect(result.status == 6)
    #expect(result.errors.contains("tree/secret"))
  }

  @Test func `a file that shrinks while it is imported is an error`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script(
      "mkdir tree; truncate -s 3G tree/large; head -c 200M /dev/urandom >> tree/large")
    let running = try coppice.program.start(["import", "tree", "main"], in: coppice.folder.path)
    try coppice.script("truncate -s 1M tree/large")
    let result = try running.wait()
    // Either the import had not looked at the file yet, or it must notice.
    if result.status != 0 {
      #expect(result.status == 4)
      #expect(result.errors.contains("large"))
      #expect(try coppice("ls", "main").status == 3)
    }
  }

  @Test func `a link to a tablespace is told`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir -p tree/pg_tblspc; ln -s /elsewhere tree/pg_tblspc/16400")
    let notes = try coppice.json("import", "tree", "main")["notes"] as? [String]
    #expect(notes?.count == 1)
    #expect(notes?.first?.contains("/elsewhere") == true)
  }

  @Test func `a dry run changes nothing`() throws {
    let coppice = try CoppiceCommand()
    try coppice.makeTree()
    let report = try coppice.json("import", "--dry-run", "tree", "main")
    #expect(report["isDryRun"] as? Bool == true)
    #expect(report["fileCount"] as? Int == 6)
    #expect(try coppice("ls", "main").status == 3)
    try coppice.check("import", "tree", "main")
    try coppice.check("rm", "--recursive", "--dry-run", "main:a")
    try coppice.check("branch", "delete", "--dry-run", "main")
    #expect(try coppice("ls", "main:a").status == 0)
  }

  @Test func `a killed export leaves nothing that looks whole`() throws {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; head -c 100M /dev/urandom > tree/noise")
    try coppice.check("import", "tree", "main")
    let running = try coppice.program.start(["export", "main", "out"], in: coppice.folder.path)
    running.send(signal: SIGKILL)
    _ = try running.wait()
    let names = try coppice.script("ls").text.split(separator: "\n")
    let isWhole = names.contains("out")
    if isWhole { try coppice.script("cmp tree/noise out/noise") }
    #expect(names.allSatisfy { !$0.hasPrefix("out") || $0 == "out" || $0.contains("incomplete") })
  }
}
