internal import AsyncHTTPClient
package import Coppice
internal import CoppicePlatform
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A store's server, as the command asks it.
package struct ServerConnection: Sendable {
  private let directory: HostDirectory

  private var path: String {
    "/proc/self/fd/\(directory.fileDescriptor)/\(ServerFiles.socketName)"
  }

  /// The server of the store in a directory; `nil` when none answers there.
  /// Throws `denied` when it is another user's.
  package static func find(in directory: String) throws(StoreError) -> ServerConnection? {
    do throws(SystemError) {
      let connection = ServerConnection(directory: try HostDirectory(path: directory))
      guard try HostSocket.accepts(at: connection.path) else { return nil }
      return connection
    } catch {
      // Opening the store says better what is wrong with its directory.
      guard error.isDenied, error.call == "connect" else { return nil }
      throw StoreError(
        .denied, "the server of this store serves another user", object: directory,
        remedy: "ask as the user that runs it, or as root", cause: error.description)
    }
  }

  /// Has the server carry out a request. Waits as long as that takes; when this process is ended
  /// meanwhile, so is the work.
  package func perform<Request: WireRequest>(
    _ request: Request, _ work: Work = Work()
  ) throws(StoreError) -> Request.Answer {
    try Waiting.run { await ask(request, work) }.get()
  }

  private func ask<Request: WireRequest>(
    _ request: Request, _ work: Work
  ) async -> Result<Request.Answer, StoreError> {
    let encoded = EncodedRequest(request)
    var message = HTTPClientRequest(
      url: "http+unix://\(Percent.encode(path))\(encoded.path)")
    message.method = HTTPMethod(rawValue: encoded.method.rawValue)
    if let body = encoded.body {
      message.headers.add(name: "content-type", value: "application/json")
      message.body = .bytes(body)
    }
    let mediaType = work.tell == nil ? "application/json" : AnswerLine<Request.Answer>.mediaType
    message.headers.add(name: "accept", value: mediaType)
    let client = HTTPClient(eventLoopGroupProvider: .shared(Self.eventLoops))
    let result: Result<Request.Answer, StoreError>
    do {
      let response = try await client.execute(message, deadline: .distantFuture)
      result = try await read(response, work)
    } catch {
      result = .failure(gone("\(error)"))
    }
    // The connection is of no more use, whatever becomes of closing it.
    try? await client.shutdown()
    return result
  }

  private static let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private func read<Answer: Codable & Sendable>(
    _ response: HTTPClientResponse, _ work: Work
  ) async throws -> Result<Answer, StoreError> {
    var bytes: [UInt8] = []
    let showsProgress =
      response.headers.first(name: "content-type") == AnswerLine<Answer>.mediaType
    for try await piece in response.body {
      bytes += piece.readableBytesView
      guard showsProgress else { continue }
      while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        let line = try JSON.decode(AnswerLine<Answer>.self, from: bytes[..<end])
        bytes.removeFirst(end + 1)
        if let progress = line.progress { work.tell?(progress) }
        if let answer = line.answer { return .success(answer) }
        if let error = line.error { return .failure(ErrorAnswer(error: error).storeError) }
      }
    }
    if showsProgress { return .failure(gone("the answer has no end")) }
    guard response.status == .ok else {
      return .failure(try JSON.decode(ErrorAnswer.self, from: bytes).storeError)
    }
    return .success(try JSON.decode(Answer.self, from: bytes))
  }

  private func gone(_ cause: String) -> StoreError {
    StoreError(
      .unavailable, "the server ended before it answered", object: directory.path,
      remedy: "look at \(directory.path)/\(ServerFiles.logName), and ask again", cause: cause)
  }
}
