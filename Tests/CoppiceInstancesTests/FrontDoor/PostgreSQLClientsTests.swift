import CoppiceInstances
import Glibc
import TestSupport
import Testing

/// Other clients of PostgreSQL before the door: psycopg, and a pool in between.
@Suite(.enabled(if: DoorCluster.isPossible, DoorCluster.comment), .serialized)
struct PostgreSQLClientsTests {
  private static let python = Program("/usr/bin/python3")
  private static let pool = "/usr/sbin/pgbouncer"

  private static var hasPsycopg: Bool {
    getenv("CI") != nil || (try? python.run(["-c", "import psycopg2"]).status) == 0
  }
  private static var hasPool: Bool { getenv("CI") != nil || Program(pool).isInstalled }

  @Test(.enabled(if: hasPsycopg, "needs python3-psycopg2"))
  func `psycopg reads, writes, cancels and verifies`() throws {
    let certificate = try TestCertificate("door")
    let cluster = try DoorCluster(tls: certificate.files)
    let url = cluster.url(
      host: "localhost", tls: .verifyFull, root: certificate.files.certificateFile)
    let script = """
      import io, sys, threading, psycopg2
      from psycopg2 import errors
      connection = psycopg2.connect(sys.argv[1])
      assert connection.info.ssl_in_use
      cursor = connection.cursor()
      cursor.execute("CREATE TABLE t (n int, x text)")
      text = "".join(f"{n}\\t{'x' * 1000}\\n" for n in range(20000))
      cursor.copy_expert("COPY t FROM STDIN", io.StringIO(text))
      back = io.StringIO()
      cursor.copy_expert("COPY t TO STDOUT", back)
      assert back.getvalue() == text
      cursor.execute("SELECT repeat('y', 10000000)")
      assert cursor.fetchone()[0] == "y" * 10000000
      connection.commit()
      done = threading.Event()
      def cancel():
          while not done.wait(0.05):
              connection.cancel()
      thread = threading.Thread(target=cancel)
      thread.start()
      try:
          cursor.execute("SELECT pg_sleep(600)")
          print("not cancelled")
      except errors.QueryCanceled:
          done.set()
          thread.join()
          connection.rollback()
      cursor.execute("SELECT count(*) FROM t")
      print(cursor.fetchone()[0])
      """
    let result = try Self.python.run(
      ["-c", script, url.text], in: cluster.folder.path)
    #expect(result.status == 0 && result.text == "20000\n", "\(result.errors)")
  }

  @Test(.enabled(if: hasPool, "needs pgbouncer"))
  func `a pool before the door verifies it, and serves many clients by few connections`() throws {
    let certificate = try TestCertificate("door")
    let cluster = try DoorCluster(tls: certificate.files)
    let folder = cluster.folder
    try folder.write("users", Array("\"app\" \"\(DoorCluster.password)\"\n".utf8))
    try folder.write(
      "pool.ini",
      Array(
        """
        [databases]
        shop = host=localhost port=\(cluster.port) dbname=shop
        [pgbouncer]
        listen_addr =
        unix_socket_dir = \(folder.path)
        listen_port = 6432
        auth_type = scram-sha-256
        auth_file = \(folder("users"))
        pool_mode = transaction
        default_pool_size = 5
        max_client_conn = 200
        server_tls_sslmode = verify-full
        server_tls_ca_file = \(folder("root.pem"))
        logfile = \(folder("pool.log"))
        pidfile = \(folder("pool.pid"))

        """.utf8))
    try folder.write("root.pem", try certificate.certificate)
    var words = [Self.pool, folder("pool.ini")]
    if geteuid() == 0 {
      words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + words
    }
    let pool = try Program(words[0]).start(Array(words.dropFirst()))
    defer {
      pool.send(signal: SIGKILL)
      _ = try? pool.wait()
    }
    let socket = folder(".s.PGSQL.6432")
    for _ in 0..<2000 where access(socket, F_OK) != 0 { poll(nil, 0, 10) }
    let url = ConnectionURL(
      host: folder.path, port: 6432, user: "app", password: DoorCluster.password, database: "shop",
      tls: .disable)
    let script = try folder.write("script.sql", Array("SELECT current_user;\n".utf8))
    let result = try Program("\(DoorCluster.programs)/pgbench").run([
      "-n", "-c", "50", "-j", "2", "-t", "20", "-f", script, url.text,
    ])
    let log = try? TemporaryFolder.bytes(of: folder("pool.log"))
    #expect(
      result.text.contains("number of transactions actually processed: 1000/1000"),
      "\(result.errors) \(String(decoding: log?.suffix(2000) ?? [], as: UTF8.self))")
    let count = cluster.frontDoor.connectionCount(of: 1)
    #expect(1...5 ~= count)
  }
}
