/// Of a startup message: what decides whether it may pass.
///
/// It goes to the server as it came, so it must mean here what it means there: of a parameter that
/// comes twice a server takes the last, so that is refused, and so is what a server would not read
/// to the end.
struct StartupMessage: Hashable {
  /// The role, not empty.
  let user: [UInt8]
  /// The role's name where none is given, as a server has it.
  let database: [UInt8]
  /// Whether it names the parameter at all, whatever the value.
  let hasReplication: Bool

  /// - Parameter parameters: name, 0, value, 0 for each; 0.
  init(parameters: ArraySlice<UInt8>) throws(StartupRefusal) {
    var values: [[UInt8]: ArraySlice<UInt8>] = [:]
    var rest = parameters
    while true {
      let name = try Self.text(&rest)
      if name.isEmpty { break }
      guard values.updateValue(try Self.text(&rest), forKey: Array(name)) == nil else {
        throw StartupRefusal(
          .protocolViolation, Array("a startup packet with two parameters ".utf8) + name)
      }
    }
    guard rest.isEmpty else { throw Self.invalidLayout }
    guard let user = values[Array("user".utf8)], !user.isEmpty else {
      throw StartupRefusal(
        .invalidAuthorization, "no PostgreSQL user name specified in startup packet")
    }
    self.user = Array(user)
    let database = values[Array("database".utf8)] ?? []
    self.database = Array(database.isEmpty ? user : database)
    hasReplication = values[Array("replication".utf8)] != nil
  }

  /// Takes the bytes before the next 0, and that.
  private static func text(
    _ rest: inout ArraySlice<UInt8>
  ) throws(StartupRefusal) -> ArraySlice<UInt8> {
    guard let end = rest.firstIndex(of: 0) else { throw invalidLayout }
    defer { rest = rest[(end + 1)...] }
    return rest[..<end]
  }

  private static let invalidLayout = StartupRefusal(
    .protocolViolation, "invalid layout of a startup packet: it does not end with its last byte")
}
