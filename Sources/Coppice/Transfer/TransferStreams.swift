package import CoppicePlatform

/// A descriptor that an import reads to its end, behind bytes that were read before.
final class StreamInput: TransferInput {
  private let file: HostFile
  private let counter: TransferCounter
  private var beginning: ArraySlice<UInt8>

  init(_ file: HostFile, after beginning: [UInt8] = [], counter: TransferCounter) {
    self.file = file
    self.beginning = beginning[...]
    self.counter = counter
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
    if !beginning.isEmpty {
      let piece = beginning.prefix(buffer.count)
      buffer.copyBytes(from: piece)
      beginning = beginning.dropFirst(piece.count)
      try counter.add(UInt64(piece.count))
      return piece.count
    }
    let count = try file.readNext(into: buffer, isCancelled: counter.isCancelled)
    try counter.add(UInt64(count))
    return count
  }
}

extension HostFile {
  /// Fills as much of `buffer` as still comes from a stream. `isCancelled` is asked while nothing
  /// comes; whoever relies on the end of a stream asks once more.
  package func readNext(
    into buffer: UnsafeMutableRawBufferPointer, isCancelled: (@Sendable () -> Bool)?
  ) throws(StoreError) -> Int {
    do throws(SystemError) {
      guard let isCancelled else { return try readNext(into: buffer) }
      return try readNext(into: buffer) { !isCancelled() }
    } catch {
      throw error.isCancelled ? .cancelledTransfer : StoreError(reading: error, object: path)
    }
  }
}

/// A descriptor that an export writes to, in large pieces.
final class StreamOutput: TransferOutput {
  private static let pieceByteCount = 1 << 20

  private let file: HostFile
  private let buffer = AlignedBuffer(byteCountMin: pieceByteCount)

  private let isCancelled: (@Sendable () -> Bool)?

  init(_ file: HostFile, isCancelled: (@Sendable () -> Bool)?) {
    self.file = file
    self.isCancelled = isCancelled
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    if buffer.byteCount + bytes.count > Self.pieceByteCount { try flush() }
    guard bytes.count < Self.pieceByteCount else { return try send(bytes) }
    buffer.append(bytes)
  }

  /// Writes what was held back.
  func flush() throws(StoreError) {
    try send(buffer.contents)
    buffer.removeAll()
  }

  private func send(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    do throws(SystemError) {
      guard let isCancelled else { return try file.writeNext(bytes) }
      try file.writeNext(bytes) { !isCancelled() }
    } catch {
      if error.isCancelled { throw .cancelledTransfer }
      throw StoreError(writing: error, object: file.path)
    }
  }
}

/// What failed calls on the files that are imported and exported mean to the user.
extension StoreError {
  static var cancelledTransfer: StoreError {
    StoreError(.unavailable, "was cancelled", remedy: "nothing was changed; ask again")
  }

  package init(reading error: SystemError, object: String) {
    if error.isMissing {
      self.init(
        .notFound, "vanished while it was imported", object: object,
        remedy: "nothing was changed; stop what works on the source and import again",
        cause: error.description)
    } else if error.isMoved {
      self.init(
        .conflict, "was moved while it was imported", object: object,
        remedy: "nothing was changed; stop what works on the source and import again",
        cause: error.description)
    } else if error.isDenied {
      self.init(
        .denied, "cannot be read", object: object,
        remedy: "nothing was changed; import as a user who may read it",
        cause: error.description)
    } else {
      self.init(
        .unavailable, "cannot be read", object: object,
        remedy: "nothing was changed; look at the system's log for the device",
        cause: error.description)
    }
  }

  package init(writing error: SystemError, object: String) {
    if error.isFull {
      self.init(
        .full, "no space left", object: object, remedy: "free space and export again",
        cause: error.description)
    } else if error.isMoved {
      self.init(
        .conflict, "was moved while it was exported", object: object,
        remedy: "export again, to where nobody works meanwhile", cause: error.description)
    } else if error.isDenied {
      self.init(
        .denied, "cannot be written", object: object,
        remedy: "export as a user who may write it", cause: error.description)
    } else if error.isMissing {
      self.init(
        .notFound, "the directory of the target is not there", object: object,
        remedy: "make it first", cause: error.description)
    } else if error.isExisting {
      self.init(
        .conflict, "exists already", object: object, remedy: "choose another target",
        cause: error.description)
    } else {
      self.init(.unavailable, "cannot be written", object: object, cause: error.description)
    }
  }
}

/// Runs calls on the source of an import; failures name the object.
func reading<T>(
  _ object: @autoclosure () -> String, _ body: () throws(SystemError) -> T
) throws(StoreError) -> T {
  do throws(SystemError) {
    return try body()
  } catch {
    throw StoreError(reading: error, object: object())
  }
}

/// Runs calls on the target of an export; failures name the object.
package func writing<T>(
  _ object: @autoclosure () -> String, _ body: () throws(SystemError) -> T
) throws(StoreError) -> T {
  do throws(SystemError) {
    return try body()
  } catch {
    throw StoreError(writing: error, object: object())
  }
}
