internal import Coppice
internal import CoppiceLifecycle
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// The context of an HTTP request: which connection it came by.
struct PeerContext: Hummingbird.RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

/// What a request over the socket needs to be carried out.
package struct ControlRoutes: Sendable {
  private let server: ServerState

  package init(_ server: ServerState) { self.server = server }

  /// Methods and paths, with fields as `{name}`.
  package var served: [String] {
    router().routes.map { route in
      let parts = route.path.description.split(separator: "/").map { part in
        part.hasPrefix(":") ? "{\(part.dropFirst())}" : String(part)
      }
      return "\(route.method.rawValue) /\(parts.joined(separator: "/"))"
    }
  }

  /// A request's body beyond this is refused.
  private static let bodyByteCountMax = 1 << 20

  /// A router that serves all requests of the catalogue.
  func router() -> Router<PeerContext> {
    let router = Router(context: PeerContext.self)
    router.add(middleware: Gate())
    for type in RequestCatalogue.storeRequests { add(type, to: router) }
    for type in RequestCatalogue.serverRequests { add(type, to: router) }
    router.get("/v1/openapi.json") { _, _ in
      Self.response(.ok, JSON.encode(APIDescription.document))
    }
    return router
  }

  private func add<Request: StoreRequest>(
    _ type: Request.Type, to router: Router<PeerContext>
  ) {
    add(type, to: router) { request, context throws(StoreError) in try request.run(context) }
  }

  private func add<Request: ServerRequest>(
    _ type: Request.Type, to router: Router<PeerContext>
  ) {
    let server = server
    add(type, to: router) { request, context throws(StoreError) in
      try request.run(server, context)
    }
  }

  private func add<Request: WireRequest>(
    _ type: Request.Type, to router: Router<PeerContext>,
    _ run: @escaping @Sendable (Request, RequestContext) throws(StoreError) -> Request.Answer
  ) {
    guard let method = HTTPRequest.Method(Request.route.method.rawValue) else {
      preconditionFailure("no method of HTTP: \(Request.route.method)")
    }
    // The router writes a field of the path as `:name`.
    let path = Request.route.path.replacing("{", with: ":").replacing("}", with: "")
    router.on(RouterPath(path), method: method) { request, context in
      let peer = try await PeerCredentials(of: context.channel)
      let accepts = request.headers[.accept] ?? ""
      let answering = Answering(request: request, peer: peer, routes: self, run: run)
      return accepts.contains(AnswerLine<Request.Answer>.mediaType)
        ? answering.lines() : await answering.whole()
    }
  }

  static func response(_ status: HTTPResponse.Status, _ bytes: [UInt8]) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  static func response(_ error: StoreError) -> Response {
    var response = response(.init(code: error.kind.httpStatus), JSON.encode(ErrorAnswer(error)))
    if error.reason == .unreachable { response.headers[.retryAfter] = retryAfterSeconds }
    return response
  }

  /// What does not answer now may do so then.
  private static let retryAfterSeconds = "30"

  /// One request of one type, on its way from bytes to bytes.
  private struct Answering<Request: WireRequest>: Sendable {
    let request: Hummingbird.Request
    let peer: PeerCredentials
    let routes: ControlRoutes
    let run: @Sendable (Request, RequestContext) throws(StoreError) -> Request.Answer

    /// One answer with the status that fits it.
    func whole() async -> Response {
      switch await answer(Work()) {
      case .success(let answer): ControlRoutes.response(.ok, JSON.encode(answer))
      case .failure(let error): ControlRoutes.response(error)
      }
    }

    /// Lines that show progress, then one with the answer or the error.
    func lines() -> Response {
      Response(
        status: .ok, headers: [.contentType: AnswerLine<Request.Answer>.mediaType],
        body: ResponseBody { writer in
          // Whoever reads slowly misses some steps of progress, but not the answer.
          let (lines, source) = AsyncStream<AnswerLine<Request.Answer>>.makeStream(
            bufferingPolicy: .bufferingNewest(16))
          let work = Work { source.yield(AnswerLine(progress: $0)) }
          async let answered: Void = {
            switch await answer(work) {
            case .success(let answer): source.yield(AnswerLine(answer: answer))
            case .failure(let error):
              source.yield(AnswerLine(error: ErrorAnswer(error).error))
            }
            source.finish()
          }()
          do {
            for await line in lines {
              try await writer.write(ByteBuffer(bytes: JSON.encode(line) + [UInt8(ascii: "\n")]))
            }
          } catch {
            work.cancel(because: .cancelled)
          }
          await answered
          try await writer.finish(nil)
        })
    }

    /// Carries the request out.
    private func answer(_ work: Work) async -> Result<Request.Answer, StoreError> {
      do {
        guard Request.isCancellable else {
          return await answer(
            work, try await request.body.collect(upTo: ControlRoutes.bodyByteCountMax))
        }
        // To hear of the other side's end takes the connection along.
        return try await request.body.consumeWithInboundCloseHandler { body in
          await answer(work, try await body.collect(upTo: ControlRoutes.bodyByteCountMax))
        } onInboundClosed: {
          work.cancel(because: .cancelled)
        }
      } catch {
        return .failure(
          StoreError(.invalid, "the request's body cannot be read", cause: "\(error)"))
      }
    }

    private func answer(
      _ work: Work, _ bytes: ByteBuffer
    ) async -> Result<Request.Answer, StoreError> {
      let value: Request
      do throws(StoreError) {
        value = try Request(
          path: request.uri.path, query: try Percent.query(request.uri.query ?? ""),
          body: Array(buffer: bytes))
      } catch {
        return .failure(error)
      }
      guard let principal = peer.principal else { return .failure(PeerCredentials.refusal) }
      let context = routes.server.context(work, PeerFiles(process: peer.process), for: principal)
      return await routes.server.works.run(work, isBrief: Request.isBrief) {
        () throws(StoreError) in
        try principal.check(value.access)
        return try run(value, context)
      }
    }
  }
}

/// Lets in whom the server serves, and gives errors of HTTP itself the form of all others.
private struct Gate: RouterMiddleware {
  func handle(
    _ request: Request, context: PeerContext,
    next: (Request, PeerContext) async throws -> Response
  ) async throws -> Response {
    do {
      guard try await PeerCredentials(of: context.channel).principal != nil else {
        return ControlRoutes.response(PeerCredentials.refusal)
      }
      return try await next(request, context)
    } catch let error as StoreError {
      return ControlRoutes.response(error)
    } catch let error as HTTPError where error.status == .notFound {
      return ControlRoutes.response(
        StoreError(
          .notFound, "the API has no such request",
          object: "\(request.method.rawValue) \(request.uri.path)",
          remedy: "GET /v1/openapi.json lists all"))
    } catch {
      return ControlRoutes.response(
        StoreError(.invalid, "the request is malformed", cause: "\(error)"))
    }
  }
}
