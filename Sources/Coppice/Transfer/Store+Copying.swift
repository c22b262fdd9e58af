internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

extension Store {
  /// Makes a branch with the content that an entry has at this moment, in another trust domain:
  /// every page is read and stored anew, and nothing is shared.
  ///
  /// Throws `notFound`, `conflict` when the target exists, and as `importFiles`; then there is no
  /// branch.
  /// - Parameter options: those of an import; what says how the source is read has no meaning.
  package func copy(
    _ source: String, into branch: String, options: ImportOptions
  ) throws(StoreError) -> ImportReport {
    let moment = try moment(of: source)
    let reader: HostFile
    let thread: SystemThread
    let outcome = CopyOutcome()
    do throws(SystemError) {
      let pipe = try HostFile.makePipe()
      reader = pipe.reader
      outcome.hold(pipe.writer)
      thread = try SystemThread(name: "copy") { outcome.export(moment) }
    } catch {
      throw StoreError(error, while: "making a pipe")
    }
    var options = options
    options.isTar = true
    do throws(StoreError) {
      let report = try importFiles(
        from: .stream(fileDescriptor: reader.fileDescriptor), into: branch, options: options)
      thread.join()
      return report
    } catch {
      // The other end waits for room in the pipe, or for its turn: it sees that nobody wants it.
      outcome.cancel()
      Self.drain(reader)
      thread.join()
      throw outcome.failure ?? error
    }
  }

  private static func drain(_ stream: HostFile) {
    let buffer = AlignedBuffer(byteCountMin: 1 << 16)
    buffer.extend(1 << 16)
    // Nothing is left to be read of a stream that cannot be read.
    while let count = try? stream.readSome(into: buffer.mutableContents), count > 0 {}
  }
}

/// What the exporting end of a copy does, and what came of it.
private final class CopyOutcome: Sendable {
  private struct State {
    var writer: HostFile?
    var isCancelled = false
    var failure: StoreError?
  }

  private let state = Mutex(State())

  func hold(_ writer: HostFile) { state.withLock { $0.writer = writer } }
  func cancel() { state.withLock { $0.isCancelled = true } }

  /// Why the export failed, where nobody cancelled it.
  var failure: StoreError? { state.withLock { $0.failure } }

  /// Writes the moment to the pipe, and closes that. A stream that is cut short is no whole one:
  /// its import fails.
  func export(_ moment: Moment) {
    var options = ExportOptions()
    options.isTar = true
    options.isCancelled = { [self] in state.withLock { $0.isCancelled } }
    let writer = state.withLock { $0.writer }
    if let writer {
      do throws(StoreError) {
        _ = try moment.exportFiles(
          to: .stream(fileDescriptor: writer.fileDescriptor), options: options)
      } catch {
        state.withLock { if !$0.isCancelled { $0.failure = error } }
      }
    }
    state.withLock { $0.writer = nil }
  }
}
