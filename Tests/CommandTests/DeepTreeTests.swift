import Foundation
import TestSupport
import Testing

/// Trees that are deeper than a thread's stack, a path and the descriptors of a process would
/// allow.
@Suite struct DeepTreeTests {
  private static let depth = 6000

  /// Makes a chain of directories with a file at its bottom that has a second name at its top.
  private static func makeTree(_ coppice: CoppiceCommand, depth: Int, name: String = "d") throws {
    try coppice.folder.write(
      "dig.py",
      """
      import os, sys
      os.mkdir("deep"); os.chdir("deep"); top = os.open(".", os.O_RDONLY)
      open("first", "w").write("reached")
      for i in range(int(sys.argv[1])): os.mkdir(sys.argv[2]); os.chdir(sys.argv[2])
      os.link("first", "bottom", src_dir_fd=top); os.chmod(".", 0o2750); os.utime(".", (5, 7))
      """.utf8)
    try coppice.script("python3 dig.py \(depth) \(name)")
  }

  /// Says what is at the bottom of a tree that `makeTree` made, and counts the levels.
  private static func bottom(_ coppice: CoppiceCommand, of tree: String, name: String = "d") throws
    -> String
  {
    try coppice.folder.write(
      "look.py",
      """
      import os, sys
      os.chdir(sys.argv[1]); n = 0; first = os.stat("first")
      while os.path.isdir(sys.argv[2]): os.chdir(sys.argv[2]); n += 1
      s = os.stat("bottom"); here = os.stat(".")
      print(n, open("bottom").read(), s.st_ino == first.st_ino, oct(here.st_mode & 0o7777), \
      int(here.st_mtime))
      """.utf8)
    return try coppice.script("python3 look.py \(tree) \(name)").text
  }

  @Test func `every verb copes with a deep tree`() throws {
    let coppice = try CoppiceCommand()
    try Self.makeTree(coppice, depth: Self.depth)
    let expected = "\(Self.depth) reached True 0o2750 7\n"
    #expect(try Self.bottom(coppice, of: "deep") == expected)
    try coppice.check("import", "deep", "main")
    try coppice.check("export", "main", "out")
    #expect(try Self.bottom(coppice, of: "out") == expected)
    try coppice.check("branch", "create", "fork", "--from", "main", "--postgres")
    try coppice.check("import", "--replace", "--checksum", "deep", "fork")
    try coppice.check("rm", "--recursive", "fork:d")
    let difference = try coppice.json("diff", "main", "fork")
    #expect(difference["removedCount"] as? Int == Self.depth + 1)
    try coppice.check("check")
  }

  @Test func `an own archive with paths beyond every limit is read again`() throws {
    let coppice = try CoppiceCommand()
    let name = String(repeating: "name-", count: 20)
    try Self.makeTree(coppice, depth: 300, name: name)
    try coppice.check("import", "deep", "main")
    try coppice.check("export", "--tar", "main", "deep.tar")
    try coppice.check("import", "--tar", "deep.tar", "again")
    try coppice.check("export", "again", "out")
    #expect(
      try Self.bottom(coppice, of: "out", name: name) == "300 reached True 0o2750 7\n")
    // What the archive has not goes, below its own directories too.
    try coppice.check("import", "deep", "mirror:d/more")
    try coppice.check("import", "--tar", "--replace", "deep.tar", "mirror")
    #expect(try coppice("ls", "mirror:d").status == 3)
  }

  @Test func `few descriptors are enough for deep and for many directories`() throws {
    let coppice = try CoppiceCommand()
    try Self.makeTree(coppice, depth: 400)
    try coppice.script(
      """
      mkdir deep/wide; cd deep/wide
      for i in $(seq 1500); do mkdir $i; echo $i > $i/file; done
      cd ../..; ulimit -n 600
      \(coppice.program.path) import deep main --store store
      \(coppice.program.path) export main out --store store
      diff -r deep/wide out/wide
      """)
    #expect(try Self.bottom(coppice, of: "out") == "400 reached True 0o2750 7\n")
  }
}
