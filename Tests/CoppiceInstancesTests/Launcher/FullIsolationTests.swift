import CoppiceInstances
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// What the superuser of one branch, who has the server run any program, cannot do to anything
/// else.
@Suite(.serialized, .enabled(if: InstanceRequirement.isMet, "\(InstanceRequirement.text)"))
struct FullIsolationTests {
  @Test func `files of the machine, of the store and of other branches are not there`() throws {
    let scene = try AttackScene(.full)
    let (mount, runs) = (scene.fixture.folder("mount"), scene.fixture.folder("runs"))
    #expect(try scene.shell("ls \(mount) \(runs)") == "\(mount):\nattacker\n\n\(runs):\nattacker\n")
    #expect(try scene.shell("ls \(runs)/attacker") == "run\nsettings\n")
    let hidden = [
      "/etc/shadow", "/root", "/home", "/var/lib", "/sys", "/run", "/work", "/boot", "/dev/vda",
      "/dev/fuse", "/dev/mem", "/dev/kmsg", "/proc/sys", "/proc/kcore", "/proc/sysrq-trigger",
      "/proc/1", "/proc/\(getpid())", "/proc/\(scene.victimServer.process.identifier)",
      scene.storePath, "\(scene.storePath)/control.sock", scene.victim.path, scene.victim.data,
      scene.victim.run,
    ]
    for path in hidden {
      #expect(
        try scene.shell("ls -d \(path)")
          == "ls: cannot access '\(path)': No such file or directory\n")
    }
    let top = Set(try scene.shell("ls -A /").split(separator: "\n").map(String.init))
    #expect(
      top.isSubset(of: [
        "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr", "var",
      ]))
    let read = try scene.attackerServer.refusal(
      "SELECT pg_read_file('\(scene.victim.data)/PG_VERSION')")
    #expect(read.contains("No such file or directory"))
    #expect(
      try scene.attackerServer.refusal("SELECT pg_ls_dir('\(scene.victim.data)')")
        .contains("No such file or directory"))
    #expect(
      try scene.attackerServer.refusal(
        "CREATE TABLESPACE stolen LOCATION '\(scene.victim.data)'"
      ).contains("does not exist"))
    #expect(try scene.shell("cat /etc/passwd").split(separator: "\n").count == 2)
  }

  @Test func `links and paths out of the branch lead nowhere`() throws {
    let scene = try AttackScene(.full)
    let data = scene.attacker.data
    for target in [
      "/etc/shadow", "\(scene.victim.data)/PG_VERSION", "../../victim/data/PG_VERSION",
    ] {
      let answer = try scene.shell("ln -sfn \(target) \(data)/link; cat \(data)/link")
      #expect(answer.contains("No such file or directory"), "\(target): \(answer)")
      #expect(
        try scene.attackerServer.refusal("SELECT pg_read_file('link')")
          .contains("No such file or directory"))
    }
    #expect(try scene.shell("cat \(data)/../../victim/data/PG_VERSION").contains("No such file"))
    // All processes have the same root.
    let roots = try scene.shell("for f in /proc/[0-9]*/root /proc/[0-9]*/cwd; do ls $f/root; done")
    #expect(!roots.isEmpty && !roots.contains("/root:\n"))
    #expect(try scene.shell("ls /proc/self/root/etc/shadow").contains("No such file"))
  }

  @Test func `nothing outside of the branch can be written`() throws {
    let scene = try AttackScene(.full)
    for path in ["/x", "/usr/x", "/etc/x", "/etc/passwd", "/usr/bin/env", "/dev/x", "/proc/x"] {
      let answer = try scene.shell("echo x >> \(path) && echo written")
      #expect(answer.contains("cannot create \(path)"), "\(path): \(answer)")
    }
    let settings = scene.attacker.settings
    #expect(try scene.shell("echo x > \(settings)/f").contains("cannot create"))
    #expect(try scene.shell("rm -f \(settings)/f").contains("Read-only file system"))
    #expect(try scene.shell("mv \(settings) \(settings)2").contains("cannot move"))
    try scene.attackerServer.sql(
      "SELECT lo_from_bytea(70000, 'x')", "SELECT lo_export(70000, '/tmp/coppice-stolen')")
    #expect(try scene.shell("cat /tmp/coppice-stolen") == "x\n")
    #expect(access("/tmp/coppice-stolen", F_OK) != 0)
    #expect(
      try scene.shell("echo x > /dev/shm/coppice-stolen; cat /dev/shm/coppice-stolen") == "x\n")
    #expect(access("/dev/shm/coppice-stolen", F_OK) != 0)
    // Its branch and its run directory are its own.
    #expect(
      try scene.shell("echo x > \(scene.attacker.run)/x; cat \(scene.attacker.run)/x") == "x\n")
    #expect(
      try scene.shell("echo y > \(scene.attacker.path)/y; cat \(scene.attacker.path)/y") == "y\n")
    #expect(try TemporaryFolder.bytes(of: "\(scene.attacker.path)/y") == Array("y\n".utf8))
  }

  @Test func `no network leads anywhere`() throws {
    let scene = try AttackScene(.full)
    try scene.attackerServer.sql("CREATE EXTENSION dblink")
    let refusal = try scene.attackerServer.refusal(
      "SELECT dblink_connect('host=127.0.0.1 port=\(scene.door.port) user=x connect_timeout=5')")
    #expect(refusal.contains("Connection refused"))
    let far = try scene.attackerServer.refusal(
      "SELECT dblink_connect('host=192.0.2.1 port=5432 user=x connect_timeout=5')")
    #expect(far.contains("Network is unreachable"))
    let local = try scene.attackerServer.refusal(
      "SELECT dblink_connect('host=\(scene.victim.run) user=postgres')")
    #expect(local.contains("No such file or directory"))
    #expect(try scene.connectToAbstractDoor() == "failed: Connection refused\n")
    #expect(try scene.shell("tail -n +3 /proc/self/net/dev | cut -d: -f1") == "    lo\n")
    // Loopback works, and is its own: versions up to 14 need it.
    #expect(
      try scene.perl(
        """
        use Socket;
        my $place = sockaddr_in(5000, INADDR_LOOPBACK);
        socket(L, AF_INET, SOCK_STREAM, 0) && bind(L, $place) && listen(L, 1)
          && socket(S, AF_INET, SOCK_STREAM, 0) or die "$!";
        print connect(S, $place) ? "connected" : "failed: $!";
        """) == "connected\n")
    // To the host of a virtual machine, to the wire, to the kernel's cryptography.
    for family in [40, 17, 38, 16 + 100] {
      let answer = try scene.perl("print socket(S, \(family), 1, 0) ? 'made' : \"failed: $!\";")
      #expect(answer == "failed: Address family not supported by protocol\n")
    }
    #expect(scene.door.connectionCount() == 0 && scene.abstractDoor.connectionCount() == 0)
    #expect(scene.control.connectionCount() == 0)
  }

  @Test func `no other process is seen or signalled`() throws {
    let scene = try AttackScene(.full)
    for process in [
      getpid(), scene.victimServer.process.identifier, scene.fixture.launcher.identifier,
    ] {
      #expect(try scene.shell("kill -9 \(process)").contains("No such process"))
    }
    // Process 1 is not moved by anything from inside.
    #expect(try scene.shell("kill -9 1; kill -STOP 1; kill -ABRT 1; echo here").hasSuffix("here\n"))
    let seen = try scene.shell("cat /proc/[0-9]*/status | grep ^Uid | sort -u")
    let user = scene.attacker.user
    #expect(seen == "Uid:\t\(user)\t\(user)\t\(user)\t\(user)\n")
    #expect(try scene.shell("ipcs -m | grep -c 0x") == "1\n")
    #expect(try scene.victimServer.sql("SELECT 1") == "1\n")
    #expect(try scene.attackerServer.sql("SELECT 1") == "1\n")
  }

  @Test func `no right is gained`() throws {
    let scene = try AttackScene(.full)
    #expect(try !scene.shell("mount -t tmpfs none /tmp && echo done").contains("done"))
    for words in ["unshare -U true", "unshare -Ur true", "unshare -m true", "nsenter -t 1 -m true"]
    {
      let answer = try scene.shell("\(words) && echo done")
      #expect(!answer.contains("done"), "\(words): \(answer)")
    }
    #expect(
      try scene.shell("cd \(scene.attacker.path); mknod d b 254 0; mknod c c 1 1").split(
        separator: "\n"
      ).allSatisfy { $0.contains("Operation not permitted") })
    // A program of its own gains nothing, and does not even run from where it can write.
    let copied = try scene.shell(
      "cd \(scene.attacker.path); cp /usr/bin/id id; chmod 4755 id; ./id; cp id /tmp/id; /tmp/id")
    #expect(copied.split(separator: "\n").allSatisfy { $0.contains("Permission denied") })
    #expect(try scene.shell("su root -c id < /dev/null; echo $?").contains("uid=0") == false)
    for limit in ["-n 10000000", "-c unlimited", "-u unlimited", "-l unlimited"] {
      #expect(try scene.shell("ulimit \(limit) && echo raised").contains("raised") == false)
    }
    #expect(
      try scene.shell("echo -1000 > /proc/self/oom_score_adj && echo lowered")
        .contains("lowered") == false)
  }

  /// By their numbers on this machine; each is there, or the kernel would say so.
  @Test func `calls that lead out of isolation are refused`() throws {
    let scene = try AttackScene(.full)
    #if arch(x86_64)
      let calls = [
        165, 166, 155, 161, 272, 308, 428, 429, 430, 433, 442, 304, 425, 426, 427, 321, 298, 323,
        248, 249, 250, 101, 310, 311, 438,
      ]
      let newNamespace = "syscall(56, 0x10000000, 0, 0, 0, 0)"
    #else
      let calls = [
        40, 39, 41, 51, 97, 268, 428, 429, 430, 433, 442, 265, 425, 426, 427, 280, 241, 282, 217,
        218, 219, 117, 270, 271, 438,
      ]
      let newNamespace = "syscall(220, 0x10000000, 0, 0, 0, 0)"
    #endif
    let answer = try scene.perl(
      """
      for my $call (\(calls.map(String.init).joined(separator: ", "))) {
        $! = 0; syscall($call, 0, 0, 0, 0, 0); print "$call: $!\\n" unless $! == 1;
      }
      $! = 0; \(newNamespace); print "namespace: $!\\n" unless $! == 1;
      $! = 0; syscall(435, 0, 0); print "clone3: $!\\n" unless $! == 38;
      print "looked";
      """)
    #expect(answer == "looked\n")
    #if arch(x86_64)
      // The same calls by the numbers of another machine's programs.
      #expect(
        try scene.perl("syscall(0x40000000 + 39); print \"$!\";") == "Operation not permitted\n")
    #endif
  }
}
