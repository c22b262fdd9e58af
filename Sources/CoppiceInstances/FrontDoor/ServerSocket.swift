internal import CLinux
internal import NIOCore

/// Where a branch's server takes connections, and as whom it runs.
struct ServerSocket: Sendable {
  struct ForeignServer: Error {
    var user: UInt32
  }

  let path: String
  /// `nil`: as anybody.
  let userID: UInt32?

  /// Fails, and closes the connection, when another user's process takes connections there: in the
  /// socket's directory the branch's superuser can put a link to any other socket of the machine in
  /// its place, and whoever connects here may be let in there.
  func verify(_ server: any Channel) -> EventLoopFuture<any Channel> {
    guard let userID else { return server.eventLoop.makeSucceededFuture(server) }
    guard let options = server as? any SocketOptionProvider else {
      preconditionFailure("a connection that is no socket")
    }
    let peer: EventLoopFuture<clinux_peer> = options.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: clinux_so_peercred()))
    return peer.flatMapThrowing { peer in
      guard peer.user == userID else {
        server.close(promise: nil)
        throw ForeignServer(user: peer.user)
      }
      return server
    }
  }
}
