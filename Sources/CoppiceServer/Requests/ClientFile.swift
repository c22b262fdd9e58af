package import Coppice
package import CoppicePlatform

// Sources and targets are opened by whoever asks, under his own name and rights, and reach a server
// as numbers of his descriptors: the kernel says which process is at the other end of the socket,
// and the server opens /proc/PID/fd/N. So relative paths, pipes from other programs and directories
// that only the asker may enter work as they do without a server, with no bytes passed through HTTP
// and no ancillary messages, which neither of the two HTTP libraries can send.
//
// A stream is always the end of a pipe that the asker makes. A new description of a plain file
// would lose its position and O_APPEND, and a socket cannot be opened anew. And the end of a pipe
// is proof: the kernel empties a process's descriptor table before it closes the last of them, so
// whoever sees the end of the stream and can still look the descriptor up knows that the asker is
// alive and meant it. A killed client so never makes a shorter file.

/// A file, directory or stream that whoever asks has open.
package struct ClientFile: Codable, Hashable, Sendable {
  /// The number of the descriptor in the asker's process.
  package var descriptor: Int32
  /// With a name, as `ByteText` has it, the descriptor is of the directory that has, or shall have,
  /// that name.
  package var name: String?
  package var isStream: Bool
  /// What the user wrote: what messages show.
  package var shown: String
  /// The identity of what is open: proof that the number still means it.
  package var device: UInt64
  package var inode: UInt64
}

/// How a process that carries out requests reaches the files of whoever asks.
package protocol ClientFiles: Sendable {
  /// A path to it that this process can open.
  func path(of file: ClientFile) throws(StoreError) -> String

  /// An open descriptor of a stream, which must be released.
  func openStream(_ file: ClientFile, forWriting: Bool) throws(StoreError) -> HostFile

  /// Whether the asker still has it open.
  func isOpen(_ file: ClientFile) -> Bool
}

/// Files of this process: request and work are in one.
package struct OwnFiles: ClientFiles {
  /// What the pipes' ends stand for.
  private let streams: [Int32: Int32]

  package init(_ held: [HeldFile] = []) {
    streams = Dictionary(
      held.compactMap { held in held.original.map { (held.file.descriptor, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  package func path(of file: ClientFile) -> String { file.path(process: "self") }

  package func openStream(
    _ file: ClientFile, forWriting: Bool
  ) throws(StoreError) -> HostFile {
    do throws(SystemError) {
      return try HostFile(duplicating: streams[file.descriptor] ?? file.descriptor)
    } catch {
      throw file.unreachable(error)
    }
  }

  package func isOpen(_ file: ClientFile) -> Bool { true }
}

extension ClientFile {
  /// Where the system shows the descriptors of a process.
  func path(process: String) -> String {
    let descriptor = "/proc/\(process)/fd/\(descriptor)"
    return name.map { "\(descriptor)/\($0)" } ?? descriptor
  }

  func unreachable(_ error: SystemError) -> StoreError {
    StoreError(
      .denied, "cannot be opened for whoever asks", object: shown,
      remedy: "ask as the user that runs the server, on the same machine",
      cause: error.description)
  }

  /// Runs `body` with the path that leads to the file; what is told of that path names the file as
  /// the user did.
  func reach<Result>(
    _ files: any ClientFiles, _ body: (_ path: String) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let path = try files.path(of: self)
    do throws(StoreError) {
      return try body(path)
    } catch {
      throw error.mapTexts { restored($0, from: path) }
    }
  }

  /// Runs `body` with the open stream; what is told of its descriptor, or of another one of the
  /// same stream, names the file as the user did.
  func reachStream<Result>(
    _ files: any ClientFiles, forWriting: Bool,
    _ body: (_ stream: HostFile) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let stream = try files.openStream(self, forWriting: forWriting)
    do throws(StoreError) {
      return try body(stream)
    } catch {
      let paths = [stream.path, HostFile.path(ofDescriptor: stream.fileDescriptor)]
      // One may be the beginning of the other.
      let longestFirst = paths.sorted { $0.utf8.count > $1.utf8.count }
      throw error.mapTexts { text in
        longestFirst.reduce(text) { $0.replacing($1, with: shown) }
      }
    }
  }

  /// The text with the file's path as the user wrote it.
  func restored(_ text: String, from path: String) -> String {
    var shown = shown
    let slash = UInt8(ascii: "/")
    while shown.utf8.count > 1, shown.utf8.last == slash {
      shown = String(Substring(shown.utf8.dropLast()))
    }
    guard name != nil else { return text.replacing(path, with: shown) }
    let folder = HostPath.split(path).folder
    let shownFolder = shown.utf8.lastIndex(of: slash).map { shown[...$0] } ?? "./"
    return text.replacing("\(folder)//", with: "\(folder)/").replacing(path, with: shown)
      .replacing("\(folder)/", with: shownFolder)
  }
}

extension StoreError {
  /// The error with all its texts changed.
  func mapTexts(_ change: (String) -> String) -> StoreError {
    var error = self
    error.object = change(object)
    error.message = change(message)
    error.remedy = remedy.mapText(change)
    error.cause = cause.map(change)
    return error
  }
}
