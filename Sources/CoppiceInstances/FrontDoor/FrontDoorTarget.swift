/// Where connections go that come to the door of a branch, and for whom.
package enum FrontDoorTarget: Hashable, Sendable {
  /// To the server that takes connections on this socket.
  ///
  /// The server trusts the user whom the door acts as: he administers it. So no role passes but
  /// `login` (as `ByteText` has it, compared byte by byte), and the server must ask that one for
  /// a password. Connections that stream the log pass if `allowsReplication`.
  ///
  /// Whoever works in the socket's directory may put another one in its place: so a server counts
  /// only if it runs as `userID`, unless that is `nil`.
  case server(socketPath: String, login: String, allowsReplication: Bool, userID: UInt32? = nil)
  /// Nowhere: clients are told this, as SQLSTATE 57P03.
  case unavailable(message: String)
}
