internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS

/// Listens to what a client begins with, and lets it in or says why not.
///
/// ```
/// reading -> waiting    for a certificate, then again reading, inside TLS
/// reading -> waiting    for the branch's server, then spliced: this handler leaves the pipeline
/// reading, waiting -> ended    refused, or sent on with a request to cancel: what comes is dropped
/// ```
/// Reads are held back while nothing is expected of the client. All of it runs on the event loop of
/// the client's channel, but for `BranchDoor.target` and the certificate's files.
final class StartupHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum State { case reading, waiting, ended }
  enum Encryption { case none, handshaking(isDirect: Bool), established }

  /// What a client may send before it is answered: none sends more than a packet.
  private static let receivedByteCountMax = 128 << 10

  let door: BranchDoor
  let number: DoorConnections.Number
  var state = State.reading
  /// What has come and was not taken yet.
  var received = ByteBuffer()
  /// Whether the client has sent all that it will.
  private(set) var isInputClosed = false
  private var encryption = Encryption.none
  /// Requests for encryption that may still come. Each may once, as with PostgreSQL.
  private var open: Set<StartupPacket> = [.tlsRequest, .gssRequest]
  private var hasPendingRead = false
  private var deadline: Scheduled<Void>?

  init(_ door: BranchDoor, _ number: DoorConnections.Number) {
    self.door = door
    self.number = number
  }

  func handlerAdded(context: ChannelHandlerContext) {
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: door.startupTimeout) {
      self.endOfTime(context: context)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    state = .ended
    stopClock()
  }

  func stopClock() { deadline?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard state != .ended else { return }
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    guard received.readableBytes <= Self.receivedByteCountMax else {
      return context.close(promise: nil)
    }
    if state == .reading { proceed(context: context) }
  }

  func read(context: ChannelHandlerContext) {
    if state == .waiting { hasPendingRead = true } else { context.read() }
  }

  func resumeReading(context: ChannelHandlerContext) {
    guard hasPendingRead else { return }
    hasPendingRead = false
    context.read()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      isInputClosed = true
      // What has not come by now never does.
      if state == .reading { context.close(promise: nil) }
    case TLSUserEvent.handshakeCompleted(let negotiated):
      guard case .handshaking(let isDirect) = encryption else { return }
      encryption = .established
      if isDirect, negotiated != ServerCertificate.applicationProtocol {
        refuse(.withoutALPN, context: context)
      }
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    door.logger.debug("a client failed before it was let in", metadata: ["error": "\(error)"])
    if case .uncleanShutdown? = error as? NIOSSLError { return }
    context.close(promise: nil)
  }

  /// Takes as many packets as have come.
  private func proceed(context: ChannelHandlerContext) {
    do throws(StartupRefusal) {
      while state == .reading {
        if isDirectTLS { return encrypt(isDirect: true, context: context) }
        guard let (packet, byteCount) = try StartupPacket.first(in: received) else { return }
        switch packet {
        case .tlsRequest: try answerTLS(byteCount, context: context)
        case .gssRequest:
          try take(packet, StartupPacket.gssCode, byteCount)
          answer("N", context: context)
        case .cancelRequest: cancel(byteCount, context: context)
        case .startup(let message): try enter(message, byteCount, context: context)
        }
      }
    } catch {
      refuse(error, context: context)
    }
  }

  /// Whether the client begins with a handshake of TLS: no packet of PostgreSQL is as long.
  private var isDirectTLS: Bool {
    guard case .none = encryption, open.contains(.tlsRequest) else { return false }
    return received.getInteger(at: received.readerIndex, as: UInt8.self) == 0x16
  }

  private func answerTLS(
    _ byteCount: Int, context: ChannelHandlerContext
  ) throws(StartupRefusal) {
    try take(.tlsRequest, StartupPacket.tlsCode, byteCount)
    guard door.certificate != nil else { return answer("N", context: context) }
    encrypt(isDirect: false, context: context)
  }

  /// Takes a request for encryption. Nothing may be behind it: before the answer nobody knows in
  /// which form to send, and what came unencrypted must not be taken for what comes encrypted.
  private func take(
    _ request: StartupPacket, _ code: UInt32, _ byteCount: Int
  ) throws(StartupRefusal) {
    guard open.remove(request) != nil else { throw StartupPacket.unsupported(code) }
    received.moveReaderIndex(forwardBy: byteCount)
    guard received.readableBytes == 0 else { throw .unencryptedData }
  }

  private func answer(_ letter: Character, context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: String(letter))), promise: nil)
  }

  /// Begins TLS: behind an `S`, or with the bytes that have come.
  private func encrypt(isDirect: Bool, context: ChannelHandlerContext) {
    guard let certificate = door.certificate else { return context.close(promise: nil) }
    state = .waiting
    // The files may have changed; looking at them may take time.
    let loading = NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) {
      certificate.context()
    }
    loading.assumeIsolated().whenComplete { result in
      guard self.state == .waiting, !self.isInputClosed, case .success(let tls) = result else {
        return context.close(promise: nil)
      }
      guard isDirect || self.received.readableBytes == 0 else {
        return self.refuse(.unencryptedData, context: context)
      }
      self.state = .reading
      self.encryption = .handshaking(isDirect: isDirect)
      // Inside of TLS nobody asks for it, or for another encryption.
      self.open = []
      if !isDirect { self.answer("S", context: context) }
      let operations = context.pipeline.syncOperations
      do {
        try operations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
      } catch {
        return context.close(promise: nil)
      }
      if isDirect {
        let hello = self.received
        self.received = ByteBuffer()
        operations.fireChannelRead(NIOAny(hello))
        operations.fireChannelReadComplete()
      }
      self.resumeReading(context: context)
    }
  }

  var isEncrypted: Bool {
    if case .established = encryption { return true }
    return false
  }

  /// Says why, and closes behind that. What still comes is dropped for a moment: closing a
  /// connection with unread bytes would drop the words on their way.
  func refuse(_ refusal: StartupRefusal, context: ChannelHandlerContext) {
    guard state != .ended else { return }
    state = .ended
    stopClock()
    received = ByteBuffer()
    door.connections.dismiss(number)
    door.logger.debug(
      "a client was not let in",
      metadata: ["branch": "\(door.id)", "sqlstate": "\(refusal.code.rawValue)"])
    var bytes = context.channel.allocator.buffer(capacity: 256)
    refusal.write(to: &bytes)
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    context.close(mode: .output, promise: nil)
    context.channel.close(after: SplicingHandler.lingering)
    resumeReading(context: context)
  }

  private func endOfTime(context: ChannelHandlerContext) {
    // In the middle of a handshake there is no way to say anything.
    if case .handshaking = encryption { return context.close(promise: nil) }
    refuse(.tooSlow, context: context)
  }
}
