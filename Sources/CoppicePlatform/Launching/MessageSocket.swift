internal import CLinux
internal import Glibc

/// One end of a connection between two processes that keeps messages whole and can pass open files.
///
/// Any thread may send; one at a time receives.
public final class MessageSocket: Sendable {
  /// The open socket.
  public let file: HostFile

  /// One message.
  public struct Message: Sendable {
    public var bytes: [UInt8]
    /// New descriptors of the files that were passed.
    public var files: [HostFile]
  }

  private init(owning file: HostFile) { self.file = file }

  /// Two ends of a connection. Programs that this process starts get neither.
  public static func makePair() throws(SystemError) -> (MessageSocket, MessageSocket) {
    var ends: (Int32, Int32) = (-1, -1)
    try system("socketpair", "") {
      withUnsafeMutableBytes(of: &ends) {
        clinux_message_pair($0.bindMemory(to: Int32.self).baseAddress)
      }
    }
    return (MessageSocket(number: ends.0), MessageSocket(number: ends.1))
  }

  private convenience init(number: Int32) {
    self.init(owning: HostFile(owning: number, path: "socket"))
  }

  /// Takes over the end that this process was started with; `nil` when that descriptor is none.
  public convenience init?(inherited number: Int32) {
    guard clinux_is_message_socket(number) != 0 else { return nil }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    self.init(number: number)
  }

  /// Sends a message of at least one byte. Waits while the other end does not receive.
  /// - Throws: when there is no other end (`isBrokenPipe`), or it has no room for so much.
  public func send(_ bytes: [UInt8], files: [HostFile] = []) throws(SystemError) {
    precondition(!bytes.isEmpty, "an empty message would be the end")
    let numbers = files.map(\.fileDescriptor)
    try system("sendmsg", file.path) {
      clinux_send_message(
        file.fileDescriptor, bytes, bytes.count, numbers, numbers.count)
    }
  }

  /// Waits for a message; returns `nil` when none can come any more.
  /// - Throws: for a message of more bytes, which is lost.
  public func receive(byteCountMax: Int) throws(SystemError) -> Message? {
    var bytes = [UInt8](repeating: 0, count: byteCountMax)
    var numbers = [Int32](repeating: -1, count: Int(clinux_descriptor_count_max))
    var fileCount = 0
    let count = try system("recvmsg", file.path) {
      clinux_receive_message(file.fileDescriptor, &bytes, bytes.count, &numbers, &fileCount)
    }
    let files = numbers.prefix(fileCount).map { HostFile(owning: $0, path: "passed file") }
    return count == 0 ? nil : Message(bytes: Array(bytes.prefix(count)), files: files)
  }

  /// Tells the other end that nothing more comes; receiving goes on.
  public func finishSending() { shutdown(file.fileDescriptor, Int32(SHUT_WR)) }

  /// Ends the connection for both ends.
  public func shutDown() { shutdown(file.fileDescriptor, Int32(SHUT_RDWR)) }
}
