package import CoppiceErrors
package import CoppicePlatform
package import Logging
internal import NIOCore
package import NIOPosix
internal import Synchronization

/// The doors of the branches that have an instance: for each a TCP port, and behind it the Unix
/// socket of its server.
///
/// A client is let in when it says, in PostgreSQL's own way and with or inside TLS, that it comes
/// for the branch's login; then bytes go both ways as they are, so passwords, and all else, are
/// between client and server. Requests to cancel are passed on. Nothing is decided by what comes
/// after the startup message.
///
/// All methods may be called by any thread but those of the event loops: they wait for these.
package final class FrontDoor: Sendable {
  package struct Options: Sendable {
    /// An IP address of this machine. One that others can reach needs `tls`, and then TLS is
    /// required of all.
    package var address = "127.0.0.1"
    /// `nil`: clients that ask for TLS are told that there is none.
    package var tls: TLSFiles?
    /// For a handshake and the startup message together.
    package var startupTimeout = Duration.seconds(10)
    /// Connections that a branch may have.
    package var connectionCountMax = 1000
    /// Connections that all branches may have together; `nil`: an eighth as many as this process
    /// may open files.
    package var totalConnectionCountMax: Int?
    package var logger: Logger
    /// What the ends of certificates are compared with.
    package var clock: any StoreClock = SystemClock()

    package init(logger: Logger) { self.logger = logger }
  }

  struct OpenDoor {
    var door: BranchDoor
    var listener: any Channel
    var port: Int
  }

  struct State {
    var doors: [UInt64: OpenDoor] = [:]
    /// Of doors that are being opened.
    var opening: Set<UInt64> = []
    var isShutDown = false
  }

  let options: Options
  let group: MultiThreadedEventLoopGroup
  let certificate: ServerCertificate?
  let isLoopback: Bool
  let total: ConnectionTotal
  let state = Mutex(State())

  /// Reads the certificate. Throws `invalid` for what is no address, for one that others can reach
  /// without TLS, and for files that are no certificate and its key; `notFound`, `denied`.
  package init(
    _ options: Options, group: MultiThreadedEventLoopGroup = .singleton
  ) throws(StoreError) {
    self.options = options
    self.group = group
    total = ConnectionTotal(
      countMax: options.totalConnectionCountMax ?? DirectoryDisk.raiseOpenFileLimit() / 8)
    isLoopback = try Self.socketAddress(options.address, port: 0).isLoopback
    if let files = options.tls {
      certificate = try ServerCertificate(
        files, logger: options.logger, clock: options.clock)
    } else {
      guard isLoopback else {
        throw StoreError(
          .invalid, "others can reach this address, and there is no certificate for TLS",
          object: options.address,
          remedy: "give --tls-certificate and --tls-key, or listen on 127.0.0.1")
      }
      certificate = nil
    }
  }

  /// Whether clients are offered TLS.
  package var offersTLS: Bool { certificate != nil }

  package func isOpen(_ id: UInt64) -> Bool { state.withLock { $0.doors[id] != nil } }

  /// Of clients that were let in and whose server is still there.
  package func connectionCount(of id: UInt64) -> Int {
    state.withLock { $0.doors[id]?.door.connections.admittedCount } ?? 0
  }

  /// As `connectionCount(of:)`, of all open doors.
  package var connectionCounts: [UInt64: Int] {
    state.withLock { $0.doors.mapValues { $0.door.connections.admittedCount } }
  }

  /// Stops listening and ends the door's connections. When it returns none is connected to a
  /// server, and the port is free. Nothing happens where no door is open.
  package func close(_ id: UInt64) {
    guard let open = state.withLock({ $0.doors.removeValue(forKey: id) }) else { return }
    Self.end([open])
  }

  /// Ends connections; the port stays. When it returns none that was there is connected to a
  /// server.
  package func endConnections(of id: UInt64) {
    guard let open = state.withLock({ $0.doors[id] }) else { return }
    Self.wait(for: open.door.connections.endAll(closing: false))
  }

  /// Closes all doors, for good.
  package func shutDown() {
    let open = state.withLock { state in
      defer { state.doors = [:] }
      state.isShutDown = true
      return Array(state.doors.values)
    }
    Self.end(open)
  }

  static func end(_ doors: [OpenDoor]) {
    for open in doors { open.listener.close(promise: nil) }
    wait(for: doors.map(\.listener.closeFuture))
    wait(for: doors.flatMap { $0.door.connections.endAll(closing: true) })
  }

  private static func wait(for futures: [EventLoopFuture<Void>]) {
    // How a connection ended does not matter.
    for future in futures { try? future.wait() }
  }

  /// Throws `invalid` for a name that cannot be a machine's, nor an IP address: what clients are to
  /// reach this one by.
  package static func verify(host: String) throws(StoreError) {
    let isName =
      1...hostByteCountMax ~= host.utf8.count
      && host.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII
          && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            || "-._".unicodeScalars.contains(scalar))
      }
    if isName { return }
    do throws(StoreError) { _ = try socketAddress(host, port: 0) } catch {
      throw StoreError(
        .invalid, "is no name of a machine", object: host,
        remedy: "give the name or the IP address that clients reach this machine by")
    }
  }

  private static let hostByteCountMax = 253

  static func socketAddress(_ address: String, port: Int) throws(StoreError) -> SocketAddress {
    do {
      return try SocketAddress(ipAddress: address, port: port)
    } catch {
      throw StoreError(
        .invalid, "is no IP address", object: address,
        remedy: "give one of this machine's in numbers, such as 127.0.0.1 or ::1, by --pg-address")
    }
  }
}

extension SocketAddress {
  /// Whether nobody but this machine can reach it.
  fileprivate var isLoopback: Bool {
    // As the system writes it, so each address in one way.
    guard let text = ipAddress else { return false }
    return text == "::1" || text.hasPrefix("127.") || text.hasPrefix("::ffff:127.")
  }
}
