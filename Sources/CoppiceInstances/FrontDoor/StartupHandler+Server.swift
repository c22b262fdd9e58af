internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Logging
internal import NIOCore
internal import NIOPosix

/// What happens with a client that has said what it wants: its way to the branch's server.
extension StartupHandler {
  private static let connectTimeout = TimeAmount.seconds(10)
  /// Between two attempts while the server's queue of connections is full.
  private static let retryDelay = TimeAmount.milliseconds(10)

  /// A startup message has come: it and what is behind it go to the server, if it may.
  func enter(
    _ message: StartupMessage, _ byteCount: Int, context: ChannelHandlerContext
  ) throws(StartupRefusal) {
    guard isEncrypted || !door.requiresTLS else { throw .tlsRequired }
    // There the server would take the login, if that is the administrator, for Coppice itself.
    guard !message.database.elementsEqual(AccessFiles.administrativeDatabase.utf8) else {
      throw .administrativeDatabase
    }
    state = .waiting
    stopClock()
    ask(context: context) { socket, login, allowsReplication in
      guard message.user == login else {
        return self.refuse(.otherRole(message.user), context: context)
      }
      guard allowsReplication || !message.hasReplication else {
        return self.refuse(.replication, context: context)
      }
      if let refusal = self.door.connections.admit(self.number) {
        return self.refuse(refusal, context: context)
      }
      self.connect(to: socket, context: context) { server, end in
        self.splice(server, end, context: context)
      }
    }
  }

  /// Sends the request on, and nothing else. The server closes without an answer, as this does.
  func cancel(_ byteCount: Int, context: ChannelHandlerContext) {
    state = .waiting
    stopClock()
    guard let request = received.readSlice(length: byteCount) else { return }
    received = ByteBuffer()
    ask(context: context) { socket, _, _ in
      self.connect(to: socket, context: context) { server, end in
        self.state = .ended
        let client = context.channel
        server.closeFuture.whenComplete { _ in client.close(promise: nil) }
        client.closeFuture.whenComplete { _ in server.close(promise: nil) }
        client.close(after: Self.connectTimeout)
        server.writeAndFlush(request, promise: nil)
        end.drop()
        self.resumeReading(context: context)
      }
    }
  }

  /// Asks for the target, away from the event loop, and goes on if there is a server.
  private func ask(
    context: ChannelHandlerContext,
    _ proceed:
      @escaping (_ socket: ServerSocket, _ login: [UInt8], _ allowsReplication: Bool) -> Void
  ) {
    let target = door.target
    NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) { target() }
      .assumeIsolated().whenComplete { result in
        guard self.state == .waiting else { return }
        switch result {
        case .success(.server(let path, let login, let allowsReplication, let userID)):
          proceed(
            ServerSocket(path: path, userID: userID), ByteText.bytes(login), allowsReplication)
        case .success(.unavailable(let message)):
          self.refuse(StartupRefusal(.cannotConnectNow, message), context: context)
        case .failure:
          self.refuse(.noAnswer, context: context)
        }
      }
  }

  private func connect(
    to socket: ServerSocket, context: ChannelHandlerContext, until end: NIODeadline? = nil,
    _ proceed: @escaping (any Channel, SplicingHandler) -> Void
  ) {
    let end = end ?? .now() + Self.connectTimeout
    ClientBootstrap(group: context.eventLoop)
      .connectTimeout(Self.connectTimeout)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(SplicingHandler(isServer: true))
        }
      }
      .connect(unixDomainSocketPath: socket.path)
      .flatMap { server in socket.verify(server) }
      .assumeIsolated().whenComplete { result in
        switch result {
        case .success(let server):
          guard self.state == .waiting, self.door.connections.attach(server, to: self.number),
            let end = try? server.pipeline.syncOperations.handler(type: SplicingHandler.self)
          else { return server.close(promise: nil) }
          proceed(server, end)
        case .failure(let error):
          guard self.state == .waiting else { return }
          // The kernel does not say when the queue has room again.
          if let error = SystemError(error, call: "connect"), error.isFullQueue,
            NIODeadline.now() < end
          {
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.retryDelay) {
              guard self.state == .waiting else { return }
              self.connect(to: socket, context: context, until: end, proceed)
            }
            return
          }
          self.door.logger.debug(
            "a branch's server takes no connections",
            metadata: ["branch": "\(self.door.id)", "error": "\(error)"])
          self.refuse(.noAnswer, context: context)
        }
      }
  }

  private func splice(
    _ server: any Channel, _ end: SplicingHandler, context: ChannelHandlerContext
  ) {
    let client = SplicingHandler(isServer: false)
    do {
      try context.pipeline.syncOperations.addHandler(client, position: .after(self))
    } catch {
      server.close(promise: nil)
      return context.close(promise: nil)
    }
    server.writeAndFlush(received, promise: nil)
    received = ByteBuffer()
    SplicingHandler.join(client, end, isInputClosed: isInputClosed)
    state = .ended
    resumeReading(context: context)
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }
}
