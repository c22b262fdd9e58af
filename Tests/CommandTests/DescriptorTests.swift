import Glibc
import TestSupport
import Testing

/// Paths that mean what this process, or a shell for it, has open.
@Suite struct DescriptorTests {
  /// With and without a server.
  private func both(_ body: (CoppiceCommand) throws -> Void) throws {
    let alone = try CoppiceCommand()
    try body(alone)
    let served = try CoppiceCommand()
    let server = try ServingCoppice(served)
    try body(served)
    #expect(try server.end(SIGTERM).status == 0)
  }

  private func run(_ coppice: CoppiceCommand, _ script: String) throws {
    try coppice.script(
      "export COPPICE_STORE=store; coppice() { \(coppice.program.path) \"$@\"; }\n" + script)
  }

  @Test func `sources that this process has open are its own`() throws {
    try both { coppice in
      try run(
        coppice,
        """
        printf 'precious data\\n' > file; tar -cf t.tar file; ln -s /dev/stdin link; cp file gone
        is() { [ "$(coppice cat "$1")" = "precious data" ] || { echo "$1"; exit 1; }; }
        coppice import /dev/stdin a:f < file; is a:f
        coppice import /dev/fd/6 b:f 6< file; is b:f
        coppice import /proc/self/fd/6 c:f 6< file; is c:f
        coppice import /proc/thread-self/fd/0 d:f < file; is d:f
        coppice import link e:f < file; is e:f
        coppice import /dev/stdin f < file; is f:file
        coppice import --tar /dev/stdin g < t.tar; is g:file
        coppice import --tar <(cat t.tar) h; is h:file
        coppice import <(cat file) i:f; is i:f
        exec 6< gone; rm gone; coppice import /dev/fd/6 j:f; is j:f
        cat file | coppice import /dev/stdin k:f; is k:f
        coppice put l:f < /dev/stdin < file || { coppice branch create l; coppice put l:f < file; \
        }; is l:f
        """)
    }
  }

  @Test func `targets that this process has open are written to`() throws {
    try both { coppice in
      try run(
        coppice,
        """
        echo content > file; coppice import file main
        echo before > out
        coppice export main:file /dev/stdout >> out; [ "$(cat out)" = "$(printf \
        'before\\ncontent')" ]
        coppice export --tar main /dev/stdout | tar -t | grep -q file
        coppice export main:file /dev/fd/7 7> out > /dev/null; [ "$(cat out)" = content ]
        mkfifo pipe; cat pipe > out & coppice export main:file pipe > /dev/null; wait $!
        [ "$(cat out)" = content ]
        coppice export main:file /dev/null > /dev/null
        """)
      #expect(try coppice("export", "main", "/dev/stdout").status == 64)
    }
  }

  @Test func `a pipe between two commands on one store is refused at once without a server`() throws
  {
    let coppice = try CoppiceCommand()
    try coppice.script("mkdir tree; head -c 5M /dev/urandom > tree/file")
    try coppice.check("import", "tree", "main")
    let words = "\(coppice.program.path) export --tar main - --lock-wait 10m | "
    let other = "\(coppice.program.path) import --tar - copy --lock-wait 10m"
    let script = "export COPPICE_STORE=store; set -o pipefail; \(words) \(other)"
    let refused = try Program("bash").run(["-c", script], in: coppice.folder.path)
    // Either of them may have come first.
    #expect(refused.status != 0)
    #expect(refused.errors.contains("at the other end of the pipe"))
    #expect(refused.errors.contains("coppice serve"))
    let server = try ServingCoppice(coppice)
    try Program("bash").check(["-c", script], in: coppice.folder.path)
    #expect(try coppice("diff", "main", "copy", "--exit-code").status == 0)
    #expect(try server.end(SIGTERM).status == 0)
  }
}
