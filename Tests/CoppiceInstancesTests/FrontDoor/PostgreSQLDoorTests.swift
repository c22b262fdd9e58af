import CoppiceInstances
import Glibc
import TestSupport
import Testing

/// A real PostgreSQL behind the door, and real clients before it.
@Suite(.enabled(if: DoorCluster.isPossible, DoorCluster.comment), .serialized)
struct PostgreSQLDoorTests {
  @Test func `psql comes in by the login's password, and by nothing else`() throws {
    let cluster = try DoorCluster()
    let result = try cluster.psql(
      cluster.url().text, ["-c", "SELECT current_user, current_database()"])
    #expect(result.text == "app|shop\n", "\(result.errors)")

    let wrong = try cluster.psql(cluster.url(password: "wrong").text, ["-c", "SELECT 1"])
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("password authentication failed for user \"app\""))
    // The server itself would let this one in without a password.
    for user in ["postgres", "app2"] {
      let other = try cluster.psql(cluster.url(user: user).text, ["-c", "SELECT 1"])
      #expect(other.status == 2 && other.text == "")
      #expect(other.errors.contains("role \"\(user)\" may not connect to this branch"))
      #expect(other.errors.contains("coppice pg url"))
    }
    let replication = try cluster.psql(
      cluster.url().text + "&replication=database", ["-c", "IDENTIFY_SYSTEM"])
    #expect(replication.errors.contains("connections for replication are not allowed"))
    let tls = try cluster.psql(cluster.url(tls: .require).text, ["-c", "SELECT 1"])
    #expect(tls.errors.contains("server does not support SSL, but SSL was required"))
    #expect(cluster.frontDoor.connectionCount(of: 1) == 0)
  }

  @Test func `names of any bytes reach the server by URL and by shell lines`() throws {
    let cluster = try DoorCluster()
    let name = #"a b/c?d#e@f:g%h&i=j+k'l"m\n,ü"#
    let quoted = name.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"")
    try cluster.sql("CREATE DATABASE \"\(quoted)\" OWNER app")
    let url = cluster.url(database: name)
    let result = try cluster.psql(url.text, ["-c", "SELECT current_database()"])
    #expect(result.text == name + "\n", "\(result.errors)")

    try cluster.folder.write("lines", url.shellLines)
    for script in [
      "psql -XAtqc 'SELECT current_database()'", "psql -XAtqc \"$Q\" \"$DATABASE_URL\"",
    ] {
      let evaluated = try Program("sh", environment: ["Q": "SELECT current_database()"]).check(
        ["-c", "eval \"$(cat lines)\"; \(script)"], in: cluster.folder.path)
      #expect(evaluated.text == name + "\n")
    }
  }

  @Test func `TLS is verified to the host's name and address`() throws {
    let certificate = try TestCertificate("door")
    let other = try TestCertificate("other")
    let cluster = try DoorCluster(tls: certificate.files)
    let root = certificate.files.certificateFile
    for host in ["localhost", "127.0.0.1"] {
      let result = try cluster.psql(
        cluster.url(host: host, tls: .verifyFull, root: root).text,
        ["-c", "\\conninfo", "-c", "SELECT current_user"])
      #expect(result.text.contains("SSL connection (protocol: TLSv1.3"), "\(result)")
      #expect(result.text.hasSuffix("\napp\n"))
    }
    let required = try cluster.psql(cluster.url(tls: .require).text, ["-c", "SELECT 1"])
    #expect(required.text == "1\n", "\(required.errors)")
    let plain = try cluster.psql(cluster.url(tls: .disable).text, ["-c", "SELECT 1"])
    #expect(plain.text == "1\n", "\(plain.errors)")
    let stranger = try cluster.psql(
      cluster.url(tls: .verifyFull, root: other.files.certificateFile).text, ["-c", "SELECT 1"])
    #expect(stranger.errors.contains("certificate verify failed"))
    let refused = try cluster.psql(
      cluster.url(user: "postgres", tls: .verifyFull, root: root).text, ["-c", "SELECT 1"])
    #expect(refused.errors.contains("role \"postgres\" may not connect"))
    #expect(cluster.frontDoor.offersTLS)
  }

  @Test func `passwords are not bound to the channel, which a client may prefer, not require`()
    throws
  {
    let certificate = try TestCertificate("door")
    let cluster = try DoorCluster(tls: certificate.files)
    let url = cluster.url(tls: .require).text
    let preferred = try cluster.psql(url + "&channel_binding=prefer", ["-c", "SELECT 1"])
    #expect(preferred.text == "1\n", "\(preferred.errors)")
    let required = try cluster.psql(url + "&channel_binding=require", ["-c", "SELECT 1"])
    #expect(required.status == 2 && required.errors.contains("channel binding"))
  }

  @Test(arguments: [false, true])
  func `psql cancels what it runs`(isEncrypted: Bool) throws {
    let certificate = try TestCertificate("door")
    let cluster = try DoorCluster(tls: isEncrypted ? certificate.files : nil)
    let url = cluster.url(tls: isEncrypted ? .require : .disable).text
    let client = try cluster.start(url, ["-c", "SELECT pg_sleep(600)"])
    #expect(
      try cluster.reaches(
        "1",
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event = 'PgSleep'"))
    client.send(signal: SIGINT)
    let result = try client.wait()
    #expect(result.errors.contains("canceling statement due to user request"), "\(result)")
  }

  @Test func `a server process that is killed is the end of its client's connection`() throws {
    let cluster = try DoorCluster()
    let client = try cluster.start(cluster.url().text, ["-c", "SELECT pg_sleep(600)"])
    #expect(
      try cluster.reaches("1", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    )
    #expect(cluster.frontDoor.connectionCount(of: 1) == 1)
    let process = try cluster.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    try cluster.sql("SELECT pg_terminate_backend(\(process))")
    let result = try client.wait()
    #expect(result.errors.contains("terminating connection due to administrator command"))
    let killed = try cluster.start(cluster.url().text, ["-c", "SELECT pg_sleep(600)"])
    #expect(
      try cluster.reaches("1", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    )
    let other = try cluster.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    kill(try #require(Int32(other.dropLast())), SIGKILL)
    #expect(try killed.wait().errors.contains("server closed the connection unexpectedly"))
    for _ in 0..<2000 where cluster.frontDoor.connectionCount(of: 1) > 0 { poll(nil, 0, 10) }
    #expect(cluster.frontDoor.connectionCount(of: 1) == 0)
  }

  @Test(arguments: [false, true])
  func `100 MB go both ways as they are`(isEncrypted: Bool) throws {
    let certificate = try TestCertificate("door")
    let cluster = try DoorCluster(tls: isEncrypted ? certificate.files : nil)
    let (source, copy) = (cluster.folder("source"), cluster.folder("copy"))
    try cluster.sql(
      """
      COPY (SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 104000) n) TO STDOUT
      """, output: source)
    let script = """
      CREATE UNLOGGED TABLE t (n int, x text);
      \\copy t FROM '\(source)'
      \\copy t TO '\(copy)'
      """
    let file = try cluster.folder.write("script.sql", script.utf8)
    let result = try cluster.psql(
      cluster.url(tls: isEncrypted ? .require : .disable).text, ["-f", file])
    #expect(result.status == 0 && result.errors == "", "\(result.errors)")
    let bytes = try TemporaryFolder.bytes(of: source)
    #expect(bytes.count > 100_000_000)
    #expect(try TemporaryFolder.bytes(of: copy) == bytes)
  }

  @Test func `200 clients at once are served`() throws {
    let cluster = try DoorCluster(connectionCount: 230)
    let script = try cluster.folder.write(
      "script.sql", Array("SELECT pg_sleep(0.001), current_user;\n".utf8))
    let result = try Program("\(DoorCluster.programs)/pgbench").check([
      "-n", "-c", "200", "-j", "4", "-t", "20", "-f", script, cluster.url().text,
    ])
    #expect(result.text.contains("number of transactions actually processed: 4000/4000"))
    #expect(result.text.contains("number of failed transactions: 0"))
    // One connection for each transaction.
    let again = try Program("\(DoorCluster.programs)/pgbench").check([
      "-n", "-C", "-c", "20", "-j", "2", "-t", "20", "-f", script, cluster.url().text,
    ])
    #expect(again.text.contains("number of transactions actually processed: 400/400"))
    #expect(try cluster.reaches("0", "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"))
  }
}
