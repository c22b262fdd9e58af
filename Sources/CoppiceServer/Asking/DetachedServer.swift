package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// A server in a process of its own, which outlives the command that starts it.
package enum DetachedServer {
  /// Where it finds the pipe on which it says that it is ready.
  package static let reportDescriptor: Int32 = 3

  /// Starts one and waits until it serves. What it prints goes to a log in the store's directory.
  ///
  /// - Parameter arguments: those of the command that serves.
  /// - Throws: what kept it from serving.
  package static func start(
    _ directory: String, _ arguments: [String]
  ) throws(StoreError) -> StatusRequest.Answer {
    let reader: HostFile
    do throws(SystemError) {
      let place = try HostDirectory(path: directory)
      let log = try place.openForAppending(
        Array(ServerFiles.logName.utf8), permissions: 0o600)
      let ends = try HostFile.makePipe()
      reader = ends.reader
      try HostProcess.startDetached(
        try HostProcess.executablePath(), arguments, log: log, report: ends.writer)
    } catch {
      throw StoreError(error, while: "starting a server")
    }
    // This process's writing end is closed now: the pipe ends with the server, or its report.
    return try report(reader, directory)
  }

  private static func report(
    _ reader: HostFile, _ directory: String
  ) throws(StoreError) -> StatusRequest.Answer {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count: Int
    do throws(SystemError) {
      count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try reader.readNext(into: UnsafeMutableRawBufferPointer(buffer))
      }
    } catch {
      throw StoreError(error, while: "waiting for the server")
    }
    let line: AnswerLine<StatusRequest.Answer>
    do throws(JSONFailure) {
      line = try JSON.decode(AnswerLine.self, from: bytes[..<count])
    } catch {
      throw StoreError(
        .unavailable, "the server ended before it served", object: directory,
        remedy: "look at \(directory)/\(ServerFiles.logName)",
        cause: count == 0 ? nil : error.description)
    }
    if let error = line.error { throw ErrorAnswer(error: error).storeError }
    guard let answer = line.answer else {
      preconditionFailure("a report without an answer or an error")
    }
    return answer
  }

  /// Said by the server to whoever started it, once.
  package static func report(
    _ line: AnswerLine<StatusRequest.Answer>, to descriptor: Int32
  ) {
    let bytes = JSON.encode(line)
    do throws(SystemError) {
      let pipe = HostFile(owning: descriptor, path: "report")
      try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
        try pipe.writeNext(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      // Whoever started the server is gone; it serves all the same.
    }
  }
}
