/// How a push, a pull or a check works, and who hears of it.
package struct TransferOptions: Sendable {
  let threadCount: Int
  let connectionCount: Int
  let verifiesUploads: Bool
  let report: @Sendable (TransferProgress) -> Void
  let shouldStop: @Sendable () -> Bool

  /// - Parameters:
  ///   - threadCount: threads that compute besides the caller.
  ///   - connectionCount: requests at once.
  ///   - verifiesUploads: whether what was sent is read back before it is published.
  ///   - report: called now and then, from any thread.
  ///   - shouldStop: whether to end with what has been done; asked now and then.
  package init(
    threadCount: Int, connectionCount: Int = 16, verifiesUploads: Bool = false,
    report: @escaping @Sendable (TransferProgress) -> Void = { _ in },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    self.threadCount = threadCount
    self.connectionCount = max(connectionCount, 1)
    self.verifiesUploads = verifiesUploads
    self.report = report
    self.shouldStop = shouldStop
  }
}

/// How far a transfer is.
package struct TransferProgress: Hashable, Sendable {
  /// Stored bytes of pages that are done with.
  package var byteCount: UInt64
  /// Of how many, once that is known.
  package var expectedByteCount: UInt64?
}
