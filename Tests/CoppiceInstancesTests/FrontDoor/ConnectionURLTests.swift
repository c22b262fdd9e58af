import CoppiceInstances
import TestSupport
import Testing

/// How a connection is written down. Real clients take these in `PostgreSQLDoorTests`.
struct ConnectionURLTests {
  private func url(
    host: String = "127.0.0.1", user: String = "app", password: String? = "secret",
    database: String = "shop", tls: ConnectionURL.TLSMode = .disable, root: String? = nil
  ) -> ConnectionURL {
    ConnectionURL(
      host: host, port: 6001, user: user, password: password, database: database, tls: tls,
      rootCertificateFile: root)
  }

  @Test func `a URL names all parts`() {
    #expect(url().text == "postgresql://app:secret@127.0.0.1:6001/shop?sslmode=disable")
    #expect(
      url(host: "db.example", tls: .verifyFull, root: "/etc/ca.pem").text
        == "postgresql://app:secret@db.example:6001/shop?sslmode=verify-full"
        + "&sslrootcert=%2Fetc%2Fca.pem")
    #expect(
      url(host: "::1", password: nil, tls: .require).text
        == "postgresql://app@[::1]:6001/shop?sslmode=require")
    #expect(
      url(host: "/run/a b", password: nil).text
        == "postgresql://app@%2Frun%2Fa%20b:6001/shop?sslmode=disable")
  }

  @Test func `bytes that mean something in a URL are written by their numbers`() {
    let odd = url(user: "a b/c?d#e@f:g%h&i=j+k", database: #"ü$'\xFF'"#)
    #expect(
      odd.text
        == "postgresql://a%20b%2Fc%3Fd%23e%40f%3Ag%25h%26i%3Dj%2Bk:secret@127.0.0.1:6001/%C3%BC%FF"
        + "?sslmode=disable")
  }

  @Test func `shell lines set what they say, whatever bytes the names have`() throws {
    let folder = try TemporaryFolder()
    let names = ["plain", "it's", "a b\nc", "$(id)`id`\"\\", #"x$'\xFF\xFE'"#, "-n", "*"]
    for name in names {
      let odd = url(user: name, password: nil, database: name, tls: .verifyFull, root: "/c a.pem")
      try folder.write("lines", odd.shellLines)
      let script = """
        eval "$(cat lines)"
        printf '%s|' "$PGUSER" "$PGDATABASE" "$PGHOST" "$PGPORT" "$PGSSLMODE" "$PGSSLROOTCERT"
        printf '%s' "$DATABASE_URL${PGPASSWORD-}"
        """
      let result = try Program("sh").check(["-c", script], in: folder.path)
      let bytes = name == #"x$'\xFF\xFE'"# ? [0x78, 0xFF, 0xFE] : Array(name.utf8)
      let rest = "|127.0.0.1|6001|verify-full|/c a.pem|\(odd.text)"
      #expect(result.output == bytes + [0x7C] + bytes + Array(rest.utf8), "\(name)")
    }
  }

  @Test func `a password is among the shell lines where there is one`() {
    let lines = String(decoding: url().shellLines, as: UTF8.self)
    #expect(lines.contains("export PGPASSWORD='secret'\n"))
    #expect(lines.hasPrefix("export DATABASE_URL='postgresql://app:secret@"))
    #expect(!lines.contains("PGSSLROOTCERT"))
  }
}
