internal import Logging
internal import NIOCore
internal import NIOPosix

/// The door of one branch: its port, and who came by it.
final class BranchDoor: Sendable {
  let id: UInt64
  let target: @Sendable () -> FrontDoorTarget
  let connections: DoorConnections
  /// `nil` where clients are not offered TLS.
  let certificate: ServerCertificate?
  /// Whether clients without TLS are refused.
  let requiresTLS: Bool
  /// For a handshake and the startup message together.
  let startupTimeout: TimeAmount
  let logger: Logger

  init(
    _ id: UInt64, target: @escaping @Sendable () -> FrontDoorTarget,
    connections: DoorConnections, certificate: ServerCertificate?, requiresTLS: Bool,
    startupTimeout: TimeAmount, logger: Logger
  ) {
    self.id = id
    self.target = target
    self.connections = connections
    self.certificate = certificate
    self.requiresTLS = requiresTLS
    self.startupTimeout = startupTimeout
    self.logger = logger
  }

  /// Listens; port 0 is the kernel's choice. Throws an `IOError` of NIO.
  func listen(
    on address: SocketAddress, group: any EventLoopGroup
  ) -> EventLoopFuture<any Channel> {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      // Of a port only connections that have ended would be in the way.
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.keepAliveIdle, value: 60)
      .childChannelOption(.keepAliveInterval, value: 10)
      .childChannelOption(.keepAliveCount, value: 6)
      .childChannelInitializer { channel in
        guard let number = self.connections.add(channel) else {
          return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(StartupHandler(self, number))
        }
      }
      .bind(to: address)
  }
}

/// A client whose machine is gone is noticed after two minutes: its connection would keep an
/// instance from being stopped when idle. The kernel asks; this process sleeps.
extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
  fileprivate static var keepAliveIdle: Self { .init(level: .tcp, name: .init(rawValue: 4)) }
  fileprivate static var keepAliveInterval: Self { .init(level: .tcp, name: .init(rawValue: 5)) }
  fileprivate static var keepAliveCount: Self { .init(level: .tcp, name: .init(rawValue: 6)) }
}
