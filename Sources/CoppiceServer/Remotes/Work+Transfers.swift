internal import Coppice
internal import CoppicePlatform
internal import CoppicePools

extension Work {
  /// Shows how far a transfer is to, and heeds the end of, whoever asked.
  ///
  /// - Parameter verifiesUploads: whether what is sent is read back.
  func transferOptions(verifiesUploads: Bool = false) -> TransferOptions {
    TransferOptions(
      threadCount: SystemThread.coreCount, verifiesUploads: verifiesUploads,
      report: { [self] moved in
        tell?(
          .transfer(
            Coppice.TransferProgress(
              byteCount: moved.byteCount, expectedByteCount: moved.expectedByteCount)))
      }, shouldStop: { [self] in isCancelled })
  }
}
