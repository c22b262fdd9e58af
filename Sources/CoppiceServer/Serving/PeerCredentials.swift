internal import CLinux
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import NIOCore

/// Who is at the other end of a connection, as the kernel knows it.
struct PeerCredentials: Sendable {
  var process: Int32
  var user: UInt32

  /// Throws `unavailable` when the connection is gone.
  init(of channel: any Channel) async throws(StoreError) {
    guard let options = channel as? any SocketOptionProvider else {
      preconditionFailure("a connection that is no socket")
    }
    do {
      let peer: clinux_peer = try await options.unsafeGetSocketOption(
        level: .socket, name: NIOBSDSocket.Option(rawValue: clinux_so_peercred())
      ).get()
      process = peer.process
      user = peer.user
    } catch {
      throw StoreError(
        .unavailable, "cannot tell who is asking", cause: "getsockopt: \(error)")
    }
  }

  /// Who asks: the server's own user, and root, are administrators. `nil` for others, whom it does
  /// not serve.
  var principal: Principal? {
    guard user == 0 || user == HostProcess.user else { return nil }
    return .administrator(named: HostUser.name(of: user))
  }

  static var refusal: StoreError {
    StoreError(
      .denied, "the server serves its own user and root only",
      remedy: "ask as the user that runs it")
  }
}
