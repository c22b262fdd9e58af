package import CoppicePlatform
internal import Synchronization

/// What an instance prints: the newest of it, in two files of a directory. It is data of the
/// branch's class, for its owner alone, and no part of the server's own log.
package final class InstanceLog: Sendable {
  /// Of each of the two files.
  package static let byteCountMax: UInt64 = 8 << 20
  private static let names = (current: Array("log".utf8), old: Array("log.old".utf8))
  private static let tailByteCountMax = 1 << 14

  private struct State {
    var file: HostFile
    var byteCount: UInt64
    /// The end of what was printed, for messages.
    var tail: [UInt8] = []
  }

  private let directory: HostDirectory
  private let state: Mutex<State>

  /// Continues the files of a directory.
  package init(in directory: HostDirectory) throws(SystemError) {
    self.directory = directory
    let file = try directory.openForAppending(Self.names.current, permissions: 0o600)
    state = Mutex(State(file: file, byteCount: try file.status().byteCount))
  }

  /// Takes what comes of a stream until it ends.
  package func take(_ stream: HostFile) {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = buffer.withUnsafeMutableBytes { bytes in
        (try? stream.readSome(into: bytes)) ?? 0
      }
      if count == 0 { return }
      append(buffer[..<count])
    }
  }

  /// The server must not wait for a full disk: what cannot be written is left out.
  private func append(_ bytes: ArraySlice<UInt8>) {
    state.withLock { state in
      state.tail.append(contentsOf: bytes)
      if state.tail.count > Self.tailByteCountMax {
        state.tail.removeFirst(state.tail.count - Self.tailByteCountMax)
      }
      do throws(SystemError) {
        if state.byteCount >= Self.byteCountMax { try turnOver(&state) }
        try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
          try state.file.writeNext(UnsafeRawBufferPointer(bytes))
        }
        state.byteCount += UInt64(bytes.count)
      } catch {
        state.byteCount = (try? state.file.status().byteCount) ?? state.byteCount
      }
    }
  }

  private func turnOver(_ state: inout State) throws(SystemError) {
    try directory.rename(Self.names.current, to: Self.names.old)
    state.file = try directory.openForAppending(Self.names.current, permissions: 0o600)
    state.byteCount = 0
  }

  /// Forgets what was printed so far, for messages; the files keep it.
  package func begin() { state.withLock { $0.tail = [] } }

  /// The last lines since `begin`.
  package func lastLines(_ count: Int) -> [String] {
    let text = state.withLock { String(decoding: $0.tail, as: UTF8.self) }
    return text.split(separator: "\n").suffix(count).map(String.init)
  }

  /// The newest bytes of both files, from a line's begin on.
  package func newest(_ byteCount: Int) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    for name in [Self.names.old, Self.names.current] {
      do throws(SystemError) {
        let file = try directory.openFile(name)
        let size = try file.status().byteCount
        let wanted = min(size, UInt64(byteCount))
        var part = [UInt8](repeating: 0, count: Int(wanted))
        let count = try part.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
          try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: size - wanted)
        }
        bytes += part[..<count]
      } catch {
        guard error.isMissing else { throw error }
      }
    }
    guard bytes.count > byteCount else { return bytes }
    let rest = bytes.suffix(byteCount)
    let begin = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.startIndex
    return Array(rest[begin...])
  }
}
