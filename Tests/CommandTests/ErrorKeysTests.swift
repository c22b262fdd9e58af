import Foundation
import TestSupport
import Testing

/// An error is the same object wherever it comes from.
@Suite struct ErrorKeysTests {
  private static let keys = ["cause", "kind", "message", "object", "reason", "remedy"]

  /// The body of what the store's server answers, with whatever status.
  private func ask(_ coppice: CoppiceCommand, _ request: String, _ body: String) throws
    -> [String: Any]?
  {
    try coppice.folder.write(
      "request",
      """
      \(request) HTTP/1.1\r\nHost: store\r\nConnection: close\r\nContent-Length: \
      \(body.utf8.count)\r\n\r\n\(body)
      """.utf8)
    let answer = try coppice.script(
      """
      python3 -c "
      import socket, sys
      server = socket.socket(socket.AF_UNIX)
      server.connect('store/control.sock')
      server.sendall(open('request', 'rb').read())
      answer = b''
      while part := server.recv(65536): answer += part
      sys.stdout.buffer.write(answer.split(b'\\r\\n\\r\\n', 1)[1])"
      """)
    let object = try JSONSerialization.jsonObject(with: Data(answer.output)) as? [String: Any]
    #expect(object?.keys.sorted() == ["error"])
    return object?["error"] as? [String: Any]
  }

  private func same(_ a: [String: Any]?, _ b: [String: Any]?) -> Bool {
    NSDictionary(dictionary: a ?? [:]) == NSDictionary(dictionary: b ?? ["": ""])
  }

  @Test(
    arguments: [
      (["branch", "show", "nobody"], "GET /v1/branches/nobody", "", NSNull()),
      (["domain", "create", "raw"], "POST /v1/domains", #"{"name": "raw"}"#, "exists"),
      (["branch", "create", "a/b"], "POST /v1/branches", #"{"name": "a/b"}"#, NSNull()),
    ] as [([String], String, String, any Sendable)])
  func `by --json, with a server and without, and over HTTP it has the same keys and values`(
    words: [String], request: String, body: String, reason: any Sendable
  ) throws {
    let coppice = try CoppiceCommand()
    func failure() throws -> [String: Any] {
      let result = try coppice.program.run(words + ["--json"], in: coppice.folder.path)
      let object =
        try JSONSerialization.jsonObject(with: Data(result.errors.utf8)) as? [String: Any]
      #expect(object?.keys.sorted() == ["error"])
      return try #require(object?["error"] as? [String: Any])
    }
    let alone = try failure()
    let server = try ServingCoppice(coppice)
    let asked = try failure()
    let answered = try ask(coppice, request, body)
    try server.end(SIGTERM)
    for error in [alone, asked, answered ?? [:]] {
      #expect(error.keys.sorted() == Self.keys)
      #expect(error["cause"] is NSNull)
      #expect("\(error["reason"] ?? "")" == "\(reason)")
      #expect(same(error, alone))
    }
  }

  @Test func `wrong usage, and a store that is not there, have these keys too`() throws {
    let coppice = try CoppiceCommand(makesStore: false)
    let usage = try coppice.failure("ls")
    #expect(usage.status == 64 && usage.error.keys.sorted() == Self.keys)
    let missing = try coppice.failure("ls", "main")
    #expect(missing.status == 3 && missing.error.keys.sorted() == Self.keys)
    #expect(missing.error["cause"] is String)
  }
}
