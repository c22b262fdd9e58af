import Foundation
import Glibc
import TestSupport
import Testing

/// What an export gives back besides content, and what becomes of what a target does not take.
@Suite(.enabled(if: getuid() == 0, "owners and capabilities need root"))
struct RestoringTests {
  private let coppice: CoppiceCommand

  init() throws { coppice = try CoppiceCommand() }

  @Test func `capabilities and set-user-ID bits survive the change of owner`() throws {
    try coppice.script(
      """
      mkdir tree; head -c 100 /dev/zero > tree/small; head -c 5M /dev/urandom > tree/large
      chown 12:34 tree/*; chmod 6755 tree/*
      python3 -c "import os
      for f in ('small', 'large'): os.setxattr('tree/' + f, 'security.capability', \
      bytes.fromhex('0100000200200000000000000000000000000000'))"
      """)
    try coppice.check("import", "tree", "main")
    try coppice.check("export", "main", "out")
    try coppice.check("export", "main:small", "single")
    try coppice.check("export", "--tar", "main", "out.tar")
    try coppice.check("import", "--tar", "out.tar", "again")
    try coppice.check("export", "again", "tarred")
    try coppice.script(
      """
      for f in out/small out/large single tarred/small tarred/large; do
        [ "$(stat -c '%a %u:%g' $f)" = '6755 12:34' ]
        python3 -c "import os, sys; assert 'security.capability' in os.listxattr(sys.argv[1])" $f
      done
      """)
  }

  @Test func `an attribute that the target refuses is told and costs nothing else`() throws {
    // Files in memory hold no more than a page of attributes; a name of no known class nowhere.
    try coppice.script(
      """
      python3 - <<'E'
      import tarfile
      with tarfile.open('in.tar', 'w', format=tarfile.PAX_FORMAT) as t:
        for name, records in (('a', {'SCHILY.xattr.odd.name': 'x'}), ('b', \
        {'SCHILY.xattr.odd.name': 'y', 'SCHILY.xattr.user.good': 'z'})):
          i = tarfile.TarInfo(name); i.pax_headers = records; t.addfile(i)
      E
      """)
    try coppice.check("import", "--tar", "in.tar", "main")
    let result = try coppice("export", "main", "out")
    #expect(result.status == 2)
    #expect(result.text.contains("2 extended attributes were not restored: odd.name of"))
    try coppice.script(
      "python3 -c \"import os; assert os.getxattr('out/b', 'user.good') == b'z'\"; [ -e out/a ]")
    let streamed = try coppice("export", "--json", "main:a", "single")
    #expect(streamed.status == 2)
    #expect(streamed.text.contains(#""lossCount" : 1"#))
  }

  @Test func `an attribute that finds no room is no full disk`() throws {
    try coppice.script(
      """
      truncate -s 20M disk; mkfs.ext4 -q -O ^ea_inode disk; mkdir disk.d
      python3 - <<'E'
      import tarfile
      with tarfile.open('in.tar', 'w', format=tarfile.PAX_FORMAT) as t:
        for name in ('a', 'b'):
          i = tarfile.TarInfo(name); i.pax_headers = {'SCHILY.xattr.user.big': 'v' * 20000}; \
          t.addfile(i)
      E
      """)
    try coppice.check("import", "--tar", "in.tar", "main")
    guard
      try Program("mount").run(["-o", "loop", coppice.folder("disk"), coppice.folder("disk.d")])
        .status == 0
    else { return }
    defer { _ = try? Program("umount").run([coppice.folder("disk.d")]) }
    let result = try coppice("export", "main", "disk.d/out")
    #expect(result.status == 2)
    #expect(result.text.contains("2 extended attributes were not restored: user.big of"))
    try coppice.script("[ -e disk.d/out/a ] && [ -e disk.d/out/b ]")
  }

  @Test func `sockets that an archive cannot hold are told beside the stream`() throws {
    try coppice.script(
      """
      mkdir tree; echo x > tree/file
      python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('tree/socket')"
      """)
    try coppice.check("import", "tree", "main")
    let result = try coppice("export", "--tar", "main", "-")
    #expect(result.status == 2)
    #expect(result.errors.contains("note: a socket was left out"))
    try coppice.folder.write("out.tar", result.output)
    #expect(try coppice.script("tar -tf out.tar").text == "./\n./file\n")
    try coppice.check("export", "main", "out")
    try coppice.script("[ -S out/socket ]")
  }

  @Test func `moments that are not kept become the nearest by every way in`() throws {
    // A file system with such moments: ext4's end in 2446.
    try coppice.script(
      """
      mkdir tree; echo x > tree/late; echo x > tree/early
      touch -d '2400-01-01 UTC' tree/late; touch -d '1600-01-01 UTC' tree/early
      python3 - <<'E'
      import tarfile
      for form in ('GNU', 'PAX'):
        with tarfile.open(form + '.tar', 'w', format=getattr(tarfile, form + '_FORMAT')) as t:
          for name, time in (('late', 13569465600), ('early', -11676096000), ('never', 1 << 62)):
            i = tarfile.TarInfo(name); i.mtime = time; t.addfile(i)
      E
      """)
    let late = "2262-04-11T23:47:16.854775807Z"
    let early = "1677-09-21T00:12:43.145224192Z"
    for (branch, source) in [("gnu", "GNU.tar"), ("pax", "PAX.tar")] {
      try coppice.check("import", "--tar", source, branch)
      #expect(try modified("\(branch):late") == late)
      #expect(try modified("\(branch):never") == late)
      #expect(try modified("\(branch):early") == early)
    }
    guard try coppice.script("stat -c %Y tree/late").text == "13569465600\n" else { return }
    try coppice.check("import", "tree", "main")
    #expect(try modified("main:late") == late)
    try coppice.check("export", "main", "out")
    #expect(try coppice.script("stat -c %Y out/late").text == "9223372036\n")
  }

  private func modified(_ place: String) throws -> String? {
    let entries = try coppice.json("ls", place)["entries"] as? [[String: Any]]
    return entries?.first?["modified"] as? String
  }

  @Test func `a file of more than an octal field can say goes through an archive`() throws {
    try coppice.script("mkdir tree; truncate -s 9G tree/huge; printf end >> tree/huge")
    try coppice.check("import", "tree", "main")
    try coppice.check("export", "--tar", "main", "out.tar")
    try coppice.check("import", "--tar", "out.tar", "again")
    try coppice.check("export", "again", "out")
    try coppice.script(
      """
      [ "$(stat -c %s out/huge)" = $(((9 << 30) + 3)) ]; [ "$(tail -c 3 out/huge)" = end ]
      [ $(stat -c %b out/huge) -lt 64 ]; [ $(stat -c %s out.tar) -lt 100000 ]
      [ "$(tar -tvf out.tar ./huge | awk '{print $3}')" = $(((9 << 30) + 3)) ]
      """)
  }

  @Test func `one of everything goes through an archive`() throws {
    try coppice.makeTree()
    try coppice.script(
      """
      cd tree; mknod device b 259 70000
      touch -d '1903-02-04 05:06:07.123456789 UTC' nothing; chown 4294967294:4294967294 nothing
      ln -s "$(printf 'far/%.0s' {1..1000})" far; chmod 4711 a/b/hello
      ln pipe again; ln -P soft soft2; printf x > "$(printf 'n%.0s' {1..255})"
      python3 - <<'E'
      import os
      for name, value in (('user.a=b%3D', bytes(range(256))), ('user.empty', b''), \
      (b'user.\\xff\\n', b'x')): os.setxattr('nothing', name, value)
      E
      """)
    let before = try coppice.listing("tree")
    try coppice.script("touch -a -d @1234567890.123456789 tree/a/numbers")
    try coppice.check("import", "tree", "main")
    try coppice.check("export", "--tar", "main", "out.tar")
    try coppice.check("import", "--tar", "out.tar", "again")
    try coppice.check("export", "again", "out")
    try coppice.script(
      """
      [ "$(stat -c %.9X out/a/numbers)" = 1234567890.123456789 ]
      [ "$(stat -c %t:%T out/device)" = "$(stat -c %t:%T tree/device)" ]
      python3 - <<'E'
      import os
      for n in os.listxattr('tree/nothing') + [b'user.\\xff\\n']: assert \
      os.getxattr('out/nothing', n) == os.getxattr('tree/nothing', n), n
      assert len(os.listxattr('out/nothing')) == 3
      E
      """)
    #expect(try coppice.listing("out") == before)
  }
}
