internal import NIOCore
internal import NIOHTTP1

/// One connection to the test server.
final class S3ServerHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// Requests with more end their connection.
  private static let bodyByteCountMax = 70 << 20

  private let server: @Sendable () -> S3TestServer?
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []

  init(_ server: @escaping @Sendable () -> S3TestServer?) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
      if let count = head.headers.first(name: "content-length").flatMap({ Int($0) }) {
        body.reserveCapacity(min(max(count, 0), Self.bodyByteCountMax))
      }
    case .body(let buffer):
      guard body.count + buffer.readableBytes <= Self.bodyByteCountMax else {
        return context.close(promise: nil)
      }
      body += buffer.readableBytesView
    case .end:
      guard let head, let server = server() else { return context.close(promise: nil) }
      let request = S3Request(
        method: head.method.rawValue, target: head.uri, headers: head.headers, body: body)
      body = []
      handle(request, server, context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func handle(
    _ request: S3Request, _ server: S3TestServer, _ context: ChannelHandlerContext
  ) {
    let (channel, loop) = (context.channel, context.eventLoop)
    server.handle(
      request,
      later: { milliseconds, body in
        loop.scheduleTask(in: .milliseconds(milliseconds), body)
      },
      answer: { response in
        // The answer to HEAD has no body, whatever it tells.
        var response = response
        if request.method == "HEAD" {
          response.byteCount = response.byteCount ?? response.body.count
          response.body = []
        }
        Self.send(response, to: channel)
      })
  }

  private static func send(_ response: S3Response, to channel: any Channel) {
    if case .dropped = response.delivery { return channel.close(promise: nil) }
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status),
      headers: HTTPHeaders(response.headers))
    if response.status != 204 {
      head.headers.add(
        name: "Content-Length", value: "\(response.byteCount ?? response.body.count)")
    }
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    switch response.delivery {
    case .cut(let count):
      let piece = ByteBuffer(bytes: response.body.prefix(count))
      channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece))).whenComplete { _ in
        channel.close(promise: nil)
      }
    case .pieces(let byteCount, let milliseconds):
      channel.flush()
      sendPiece(response.body[...], byteCount, milliseconds, channel)
    default:
      let buffer = ByteBuffer(bytes: response.body)
      channel.write(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
      channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
  }

  private static func sendPiece(
    _ rest: ArraySlice<UInt8>, _ byteCount: Int, _ milliseconds: Int64, _ channel: any Channel
  ) {
    guard channel.isActive else { return }
    guard !rest.isEmpty else {
      return channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
    let piece = ByteBuffer(bytes: rest.prefix(byteCount))
    channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece)), promise: nil)
    channel.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) {
      sendPiece(rest.dropFirst(byteCount), byteCount, milliseconds, channel)
    }
  }
}
