package import Coppice

/// Estimates what a branch of one directory that becomes another one would store, and says what the
/// data tell besides.
package enum Estimate {
  /// Both paths are of directories or tar files. Reads them; writes nothing.
  ///
  /// Throws `conflict` when one changes while it is read: there is no number then. Else as
  /// `EstimateInput.init`.
  package static func run(
    before: String, after: String, progress: (@Sendable (TransferProgress) -> Void)? = nil
  ) throws(StoreError) -> EstimateReport {
    let inputs = (before: try EstimateInput(before), after: try EstimateInput(after))
    let places = ClusterPlaces(inputs.before, inputs.after)
    let tally = Tally(places)
    let estimate = try BranchEstimate(
      before: inputs.before, after: inputs.after, progress: progress, observe: tally.add)
    let sums = tally.result

    var report = EstimateReport(
      before: EstimateReport.Input(inputs.before), after: EstimateReport.Input(inputs.after))
    report.baseline = sums.baseline
    report.baseline.close(
      names: estimate.baselineNames, storedByteCount: estimate.baselineByteCount)
    report.branch = sums.branch
    report.branch.close(names: estimate.branchNames, storedByteCount: estimate.branchByteCount)
    report.kinds = ContentKind.allCases.compactMap { sums.kinds[$0] }
    report.peers = EstimateReport.Peer.all(sums, byteCount: report.after.byteCount)
    for directory in places.directories {
      report.advice += try ClusterAdvice(
        inputs.after, directory, changedLog: sums.changedLog
      ).all()
    }
    report.notes = notes(inputs.before) + notes(inputs.after)
    try inputs.before.verify()
    try inputs.after.verify()
    return report
  }

  /// What has no content, or content elsewhere.
  private static func notes(_ input: EstimateInput) -> [String] {
    input.entries.compactMap { entry in
      let path = "\(input.path)/\(entry.path)"
      switch entry.kind {
      case .regular, .directory: return nil
      case .fifo: return "\(path) is a pipe: a name without content"
      case .socket: return "\(path) is a socket: a name without content"
      case .characterDevice, .blockDevice: return "\(path) is a device: a name without content"
      case .symbolicLink:
        guard entry.path.parent?.lastComponent == "pg_tblspc" else { return nil }
        return "\(path) leads to a tablespace elsewhere, which does not count"
      }
    }
  }
}

extension EstimateReport.Input {
  fileprivate init(_ input: EstimateInput) {
    path = input.path
    for entry in input.entries where entry.kind == .regular && !entry.isFurtherName {
      fileCount += 1
      byteCount += entry.byteCount
    }
  }
}
