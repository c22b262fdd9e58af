internal import NIOCore
internal import NIOSSL

/// Passes what one end of a connection sends on to the other. Each of the two channels has one, as
/// the last handler of its pipeline; both channels are on one event loop.
///
/// - Nothing is read from one end while the other does not take what was read before. So a
///   connection holds what the kernel's buffers and two reads hold, whatever is sent.
/// - The end of what one sends is passed on behind its last byte; the other direction goes on.
/// - When the server is gone, the client gets what is left and then the end. Closing at once would
///   reset the connection if the client still sends, and a reset drops what is on its way to it:
///   the server's last words. So what it still sends is dropped, for a moment.
/// - When the client is gone, so is the connection to the server.
final class SplicingHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Reading {
    /// As long as the other end takes it.
    case passing
    /// Nothing yet: the other end is not joined.
    case held
    /// The other end is gone: what comes is dropped.
    case dropping
  }

  /// How long a client whose server is gone may go on sending.
  static let lingering = TimeAmount.seconds(1)

  private let isServer: Bool
  private var reading = Reading.held
  private var hasPendingRead = false
  private var context: ChannelHandlerContext?
  private var other: SplicingHandler?

  init(isServer: Bool) { self.isServer = isServer }

  /// Begins to read from both. `isInputClosed`: the client has sent all that it will.
  static func join(
    _ client: SplicingHandler, _ server: SplicingHandler, isInputClosed: Bool
  ) {
    client.begin(with: server)
    server.begin(with: client)
    if isInputClosed { server.closeOutput(promise: nil) }
  }

  private func begin(with other: SplicingHandler) {
    self.other = other
    reading = .passing
    resumeReading()
  }

  /// Drops what comes from now on: nobody is at the other end.
  func drop() {
    reading = .dropping
    resumeReading()
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    other = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    other?.context?.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) { other?.context?.flush() }

  func read(context: ChannelHandlerContext) {
    let isReading =
      switch reading {
      case .passing: other?.context?.channel.isWritable ?? false
      case .held: false
      case .dropping: true
      }
    if isReading { context.read() } else { hasPendingRead = true }
  }

  private func resumeReading() {
    guard hasPendingRead, let context else { return }
    hasPendingRead = false
    read(context: context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { other?.resumeReading() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return }
    other?.closeOutput(promise: nil)
    // A server that has nothing more to say to nobody.
    if isServer, case .dropping = reading { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let other = other
    self.other = nil
    other?.end()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A client that leaves without saying so by TLS; its end comes as an event besides.
    if case .uncleanShutdown? = error as? NIOSSLError { return }
    context.close(promise: nil)
  }

  /// The end behind all that was written.
  private func closeOutput(promise: EventLoopPromise<Void>?) {
    guard let context else {
      promise?.succeed()
      return
    }
    context.flush()
    context.close(mode: .output, promise: promise)
  }

  /// The other end is gone.
  private func end() {
    other = nil
    guard let context else { return }
    guard !isServer else { return context.close(promise: nil) }
    drop()
    let channel = context.channel
    let closed = context.eventLoop.makePromise(of: Void.self)
    closed.futureResult.whenComplete { _ in channel.close(after: Self.lingering) }
    closeOutput(promise: closed)
  }
}

extension Channel {
  /// Closes it then, unless it is closed before. On its event loop.
  func close(after delay: TimeAmount) {
    guard isActive else { return }
    let closing = eventLoop.scheduleTask(in: delay) { self.close(promise: nil) }
    closeFuture.whenComplete { _ in closing.cancel() }
  }
}
