import CoppiceInstances
import Glibc
import TestSupport
import Testing

/// What a superuser can do where there is a user number of its own and nothing else, and what not:
/// the article on PostgreSQL says the same.
@Suite(.serialized, .enabled(if: InstanceRequirement.isMet, "\(InstanceRequirement.text)"))
struct UserIsolationTests {
  @Test func `files of other branches and of the store are refused`() throws {
    let scene = try AttackScene(.user)
    for path in ["\(scene.victim.data)/PG_VERSION", "\(scene.storePath)/secret", "/etc/shadow"] {
      #expect(try scene.shell("cat \(path)").contains("Permission denied"), "\(path)")
      #expect(
        try scene.attackerServer.refusal("SELECT pg_read_file('\(path)')")
          .contains("Permission denied"))
      let link = try scene.shell(
        "ln -sfn \(path) \(scene.attacker.data)/link; cat \(scene.attacker.data)/link")
      #expect(link.contains("Permission denied"), "\(path)")
    }
    #expect(try scene.shell("ls \(scene.victim.data)").contains("Permission denied"))
    #expect(try scene.shell("ls \(scene.victim.run)").contains("Permission denied"))
    #expect(
      try scene.attackerServer.refusal(
        "CREATE TABLESPACE stolen LOCATION '\(scene.victim.data)'"
      ).contains("could not set permissions"))
    #expect(
      try scene.perl(
        """
        use Socket;
        socket(S, AF_UNIX, SOCK_STREAM, 0) or die;
        print connect(S, pack_sockaddr_un('\(scene.storePath)/control.sock')) ? 'connected' : "$!";
        """) == "Permission denied\n")
    #expect(scene.control.connectionCount() == 0)
    try scene.attackerServer.sql("CREATE EXTENSION dblink")
    #expect(
      try scene.attackerServer.refusal(
        "SELECT dblink_connect('host=\(scene.victim.run) user=postgres')"
      ).contains("Permission denied"))
  }

  @Test func `other processes are seen and not signalled`() throws {
    let scene = try AttackScene(.user)
    for process in [scene.victimServer.process.identifier, scene.fixture.launcher.identifier] {
      #expect(try scene.shell("kill -9 \(process)").contains("not permitted"))
      // Seen they are.
      #expect(try scene.shell("cat /proc/\(process)/comm").contains("No such") == false)
      #expect(try scene.shell("ls /proc/\(process)/root/").contains("Permission denied"))
      #expect(try scene.shell("cat /proc/\(process)/environ").contains("Permission denied"))
    }
    #expect(try scene.victimServer.sql("SELECT 1") == "1\n")
  }

  @Test func `no right is gained, and no namespace of its own`() throws {
    let scene = try AttackScene(.user)
    for words in ["unshare -Ur true", "mount -t tmpfs none /tmp", "su root -c true < /dev/null"] {
      #expect(try scene.shell("\(words) && echo done").contains("done") == false, "\(words)")
    }
    #expect(
      try scene.perl("print socket(S, 40, 1, 0) ? 'made' : 'failed';") == "failed\n")
  }

  @Test func `the machine's network and what everybody may read are open to it`() throws {
    let scene = try AttackScene(.user)
    try scene.attackerServer.sql("CREATE EXTENSION dblink")
    // It connects, and is not answered.
    let answer = try scene.attackerServer.refusal(
      "SELECT dblink_connect('host=127.0.0.1 port=\(scene.door.port) user=x connect_timeout=2')")
    #expect(answer.contains("timeout expired"))
    #expect(scene.door.connectionCount() > 0)
    #expect(try scene.connectToAbstractDoor() == "connected\n")
    #expect(try scene.shell("cat /etc/passwd").contains("postgres"))
    #expect(try scene.shell("ls \(scene.fixture.folder("mount"))") == "attacker\nvictim\n")
    let mark = "coppice-test-\(getpid())"
    #expect(try scene.shell("echo x > /tmp/\(mark) && echo written") == "written\n")
    #expect(access("/tmp/\(mark)", F_OK) == 0)
    unlink("/tmp/\(mark)")
  }
}
