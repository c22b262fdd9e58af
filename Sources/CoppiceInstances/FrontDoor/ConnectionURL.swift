internal import CoppicePlatform

/// How clients reach the PostgreSQL of a branch, in the forms that they take. Names are as
/// `ByteText` has them, and may hold any byte but 0.
package struct ConnectionURL: Hashable, Sendable {
  /// How much TLS a client asks for, as libpq calls it.
  package enum TLSMode: String, Codable, Hashable, Sendable, CaseIterable {
    case disable
    case require
    /// The certificate is verified, and that it is that host's.
    case verifyFull = "verify-full"
  }

  /// A name or an address; a path is the directory of a Unix socket.
  package var host: String
  package var port: Int
  package var user: String
  /// `nil` where the server does not ask for one.
  package var password: String?
  package var database: String
  package var tls: TLSMode
  /// Of the authority that the server's certificate is verified with; `nil`: the client's own.
  package var rootCertificateFile: String?

  package init(
    host: String, port: Int, user: String, password: String?, database: String, tls: TLSMode,
    rootCertificateFile: String? = nil
  ) {
    self.host = host
    self.port = port
    self.user = user
    self.password = password
    self.database = database
    self.tls = tls
    self.rootCertificateFile = rootCertificateFile
  }

  /// `postgresql://user:password@host:port/database?sslmode=...`, with all that is not a plain
  /// letter, digit or one of `-._~` written by its bytes.
  package var text: String {
    var text = "postgresql://\(Self.encode(user))"
    if let password { text += ":\(Self.encode(password))" }
    // An address of version 6 is the one name that holds colons.
    text += "@" + (host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : Self.encode(host))
    text += ":\(port)/\(Self.encode(database))?sslmode=\(tls.rawValue)"
    if let rootCertificateFile { text += "&sslrootcert=\(Self.encode(rootCertificateFile))" }
    return text
  }

  /// The variables that libpq reads, and `DATABASE_URL`.
  package var variables: [(name: String, value: String)] {
    var variables: [(name: String, value: String)] = [
      ("DATABASE_URL", text), ("PGHOST", host), ("PGPORT", "\(port)"), ("PGUSER", user),
    ]
    if let password { variables.append(("PGPASSWORD", password)) }
    variables += [("PGDATABASE", database), ("PGSSLMODE", tls.rawValue)]
    if let rootCertificateFile { variables.append(("PGSSLROOTCERT", rootCertificateFile)) }
    return variables
  }

  /// Lines that a shell evaluates: `variables`. They are bytes, as names may be no text.
  package var shellLines: [UInt8] {
    variables.flatMap { name, value in
      Array("export \(name)=".utf8) + Self.quote(ByteText.bytes(value)) + Array("\n".utf8)
    }
  }

  private static func encode(_ text: String) -> String {
    PercentCoding.encode(ByteText.bytes(text))
  }

  /// For any shell: between single quotes all bytes but those stand for themselves.
  private static func quote(_ bytes: [UInt8]) -> [UInt8] {
    let quote = UInt8(ascii: "'")
    return [quote] + bytes.flatMap { $0 == quote ? Array(#"'\''"#.utf8) : [$0] } + [quote]
  }
}
