internal import CoppicePlatform

/// A session with a PostgreSQL server by its Unix socket, for the few statements of our own.
///
/// It speaks as much of the protocol (version 3.0) as a server takes that trusts the connecting
/// user: no password, simple queries, texts. A session belongs to one thread.
package final class ServerSession {
  /// Why there is no session, or no result.
  package enum Failure: Error {
    /// Nobody takes connections there, or the connection was lost.
    case unreachable(String)
    /// The server asks for a password.
    case asksForPassword
    /// The server's word, and its five characters for it.
    case refused(code: String, message: String)
    /// `isWanted` said no.
    case cancelled
  }

  private static let messageByteCountMax = 1 << 20

  private let socket: HostFile
  private let isWanted: @Sendable () -> Bool

  /// - Parameters:
  ///   - user: as whom the server runs; nobody else is spoken to, wherever the path leads.
  ///   - parameters: what the startup message has besides role and database.
  ///   - isWanted: asked some times a second while the server does not answer.
  package init(
    to path: String, of user: UInt32, as role: String, in database: String,
    parameters: [(name: String, value: String)],
    while isWanted: @escaping @Sendable () -> Bool
  ) throws(Failure) {
    self.isWanted = isWanted
    do throws(SystemError) {
      socket = try HostSocket.connect(to: path, of: user)
    } catch {
      throw .unreachable(error.description)
    }
    var body: [UInt8] = [0, 3, 0, 0]
    let texts = ["user", role, "database", database] + parameters.flatMap { [$0.name, $0.value] }
    for text in texts {
      body += Array(text.utf8) + [0]
    }
    try send(nil, body + [0])
    while true {
      let message = try receive()
      switch message.kind {
      case UInt8(ascii: "R"):
        guard message.body.prefix(4).elementsEqual([0, 0, 0, 0]) else { throw .asksForPassword }
      case UInt8(ascii: "Z"): return
      default: break
      }
    }
  }

  /// Carries out statements one behind the other, in a transaction of their own. Returns the rows
  /// of all of them; what is null is `nil`.
  @discardableResult
  package func query(_ statements: String) throws(Failure) -> [[String?]] {
    try send(UInt8(ascii: "Q"), Array(statements.utf8) + [0])
    var rows: [[String?]] = []
    var failure: Failure?
    while true {
      let message: (kind: UInt8, body: ArraySlice<UInt8>)
      do throws(Failure) { message = try receive() } catch {
        // The server ends a failed statement by a message of its own.
        guard case .refused = error, failure == nil else { throw failure ?? error }
        failure = error
        continue
      }
      switch message.kind {
      case UInt8(ascii: "D"): rows.append(Self.row(message.body))
      case UInt8(ascii: "Z"):
        if let failure { throw failure }
        return rows
      default: break
      }
    }
  }

  private static func row(_ body: ArraySlice<UInt8>) -> [String?] {
    var rest = body.dropFirst(2)
    var values: [String?] = []
    while rest.count >= 4 {
      let count = Int(Int32(truncatingIfNeeded: number(rest.prefix(4))))
      rest = rest.dropFirst(4)
      guard count >= 0 else {
        values.append(nil)
        continue
      }
      values.append(String(decoding: rest.prefix(count), as: UTF8.self))
      rest = rest.dropFirst(count)
    }
    return values
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  // MARK: Messages

  private func send(_ kind: UInt8?, _ body: [UInt8]) throws(Failure) {
    var bytes: [UInt8] = kind.map { [$0] } ?? []
    withUnsafeBytes(of: UInt32(body.count + 4).bigEndian) { bytes.append(contentsOf: $0) }
    bytes += body
    do throws(SystemError) {
      try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
        try socket.writeNext(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      throw .unreachable(error.description)
    }
  }

  /// The next message; notices are passed over.
  private func receive() throws(Failure) -> (kind: UInt8, body: ArraySlice<UInt8>) {
    while true {
      let head = try read(5)
      let count = Int(Self.number(head.dropFirst())) - 4
      guard count >= 0, count <= Self.messageByteCountMax else {
        throw .unreachable("not a PostgreSQL server")
      }
      let body = try read(count)
      switch head[0] {
      case UInt8(ascii: "E"): throw Self.refusal(body)
      case UInt8(ascii: "N"), UInt8(ascii: "S"), UInt8(ascii: "A"): continue
      default: return (head[0], body[...])
      }
    }
  }

  private func read(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
    var bytes = [UInt8](repeating: 0, count: count)
    let done: Int
    do throws(SystemError) {
      done = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try socket.readNext(into: UnsafeMutableRawBufferPointer(buffer), while: isWanted)
      }
    } catch {
      throw error.isCancelled ? .cancelled : .unreachable(error.description)
    }
    guard done == count else { throw .unreachable("the server ended the connection") }
    return bytes[...]
  }

  private static func refusal(_ body: ArraySlice<UInt8>) -> Failure {
    var fields: [UInt8: String] = [:]
    for field in body.split(separator: 0) {
      guard let kind = field.first else { continue }
      fields[kind] = String(decoding: field.dropFirst(), as: UTF8.self)
    }
    return .refused(
      code: fields[UInt8(ascii: "C")] ?? "XX000", message: fields[UInt8(ascii: "M")] ?? "no reason")
  }
}
