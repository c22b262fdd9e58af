internal import Foundation
internal import Glibc

/// A server of a store, of the command that the release build made, and one kept connection to it.
final class StoreServer {
  /// Where `swift build -c release --product coppice` puts it.
  static let program = ProcessInfo.processInfo.environment["COPPICE"] ?? ".build/release/coppice"

  let process: Process
  private let store: String
  private var connection: Int32 = -1

  struct Failed: Error, CustomStringConvertible { var description: String }

  /// Returns once it answers.
  init(_ store: String) throws {
    self.store = store
    process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = ["serve", "--store", store]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    try connect()
  }

  /// Makes another connection: answers to what can be called off end theirs.
  func connect() throws {
    if connection >= 0 { close(connection) }
    connection = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array("\(store)/control.sock".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let deadline = seconds() + 30
    while true {
      let isThere = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
      }
      if isThere { return }
      guard seconds() < deadline else { throw Failed(description: "no server of \(store)") }
      usleep(10_000)
    }
  }

  /// Ends the server.
  func stop() {
    close(connection)
    process.terminate()
    process.waitUntilExit()
  }

  /// The body of the answer.
  @discardableResult
  func request(_ method: String, _ path: String, _ body: String = "") throws -> Data {
    let message =
      "\(method) \(path) HTTP/1.1\r\nHost: coppice\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    let bytes = Array(message.utf8)
    guard write(connection, bytes, bytes.count) == bytes.count else {
      throw Failed(description: "\(path): nobody reads")
    }
    var answer = Data()
    let blank = Data("\r\n\r\n".utf8)
    while true {
      var piece = [UInt8](repeating: 0, count: 1 << 18)
      let count = read(connection, &piece, piece.count)
      guard count > 0 else { throw Failed(description: "\(path): no answer") }
      answer.append(contentsOf: piece[..<count])
      guard let end = answer.range(of: blank) else { continue }
      let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased()
      let lines = head.split(whereSeparator: \.isNewline)
      guard let line = lines.first(where: { $0.hasPrefix("content-length: ") }),
        let length = Int(line.dropFirst(16))
      else { throw Failed(description: "\(path): \(head)") }
      guard answer.endIndex - end.upperBound >= length else { continue }
      let content = Data(answer[end.upperBound...])
      guard lines[0].contains(" 200") else {
        throw Failed(description: "\(path): \(String(decoding: content, as: UTF8.self))")
      }
      return content
    }
  }

  /// Seconds that its threads of that name have computed.
  func processorSeconds(ofThreads name: String) -> Double {
    let tasks = "/proc/\(process.processIdentifier)/task"
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
    return numbers.reduce(0) { sum, number in
      func text(_ file: String) -> String {
        (try? String(contentsOfFile: "\(tasks)/\(number)/\(file)", encoding: .utf8)) ?? ""
      }
      guard text("comm") == "\(name)\n" else { return sum }
      return sum + (Double(text("schedstat").prefix { $0 != " " }) ?? 0) / 1e9
    }
  }
}
