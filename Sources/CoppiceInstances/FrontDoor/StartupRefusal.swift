internal import NIOCore

/// Why a client is not let in, as an ErrorResponse of PostgreSQL's protocol tells it.
struct StartupRefusal: Error, Hashable {
  /// The SQLSTATE that drivers look at.
  enum Code: String {
    case protocolViolation = "08P01"
    case unsupported = "0A000"
    case invalidAuthorization = "28000"
    case tooManyConnections = "53300"
    case cannotConnectNow = "57P03"
  }

  var code: Code
  /// Parts of it may be bytes that the client sent; none of them is 0.
  var message: [UInt8]
  var hint: String?

  init(_ code: Code, _ message: String, hint: String? = nil) {
    self.init(code, Array(message.utf8), hint: hint)
  }

  init(_ code: Code, _ message: [UInt8], hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// `E`, the byte count from there on, fields of a letter and a text that 0 ends, 0.
  func write(to buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt8(ascii: "E"))
    let start = buffer.writerIndex
    buffer.writeInteger(UInt32(0))
    var fields: [(Character, [UInt8])] = [
      ("S", Array("FATAL".utf8)), ("V", Array("FATAL".utf8)), ("C", Array(code.rawValue.utf8)),
      ("M", message),
    ]
    if let hint { fields.append(("H", Array(hint.utf8))) }
    for (letter, text) in fields {
      buffer.writeString(String(letter))
      buffer.writeBytes(text)
      buffer.writeInteger(UInt8(0))
    }
    buffer.writeInteger(UInt8(0))
    buffer.setInteger(UInt32(buffer.writerIndex - start), at: start)
  }
}

extension StartupRefusal {
  static let unencryptedData = StartupRefusal(
    .protocolViolation, "received unencrypted data after a request for encryption",
    hint: "This is an error of the client, or an attempt to put words into its mouth.")
  static let withoutALPN = StartupRefusal(
    .protocolViolation, "received a direct TLS connection without the ALPN protocol postgresql")
  static let tooSlow = StartupRefusal(
    .protocolViolation, "the startup message did not come in time")
  static let tlsRequired = StartupRefusal(
    .invalidAuthorization, "TLS is required",
    hint: "Connect with sslmode=verify-full, or at least sslmode=require.")
  static let replication = StartupRefusal(
    .invalidAuthorization, "connections for replication are not allowed on this branch")
  static let administrativeDatabase = StartupRefusal(
    .invalidAuthorization, "the database template1 of a branch takes no clients",
    hint: "Connect to the database that `coppice pg url` names, or to another one.")
  static let noAnswer = StartupRefusal(
    .cannotConnectNow, "the server of this branch takes no connections at the moment",
    hint: "Try again in a moment; `coppice pg list` tells its state.")

  static func otherRole(_ user: [UInt8]) -> StartupRefusal {
    StartupRefusal(
      .invalidAuthorization,
      Array("role \"".utf8) + user.prefix(63) + Array("\" may not connect to this branch".utf8),
      hint: "Connect as the role that `coppice pg url` names.")
  }

  static func tooManyInAll(_ count: Int) -> StartupRefusal {
    StartupRefusal(
      .tooManyConnections,
      "all branches together have \(count) connections, which is as many as this server may have",
      hint: "It may have more with a higher limit of open files (`ulimit -n`).")
  }

  static func tooMany(_ count: Int) -> StartupRefusal {
    StartupRefusal(
      .tooManyConnections, "this branch has \(count) connections, which is as many as it may have")
  }
}
