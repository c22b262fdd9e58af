internal import CoppiceFormat
internal import CoppicePlatform

/// Writes damaged headers of journal files anew, from the batches behind them and the headers of
/// the other files.
struct JournalHeaderRepair {
  let disk: any Disk
  let uuid: StoreUUID
  let catalogue: Catalogue

  func run(_ saved: inout SavedFiles, _ report: inout RepairReport) throws(StoreError) {
    let lock = try disk.lockStore(exclusively: true)
    defer { withExtendedLifetime(lock) {} }
    let found = try JournalRecovery(
      disk: disk, uuid: uuid, catalogue: catalogue, isReadOnly: true, acceptsLoss: true
    ).run().headerless
    for headerless in found.sorted(by: { $0.first < $1.first }) {
      guard var header = headerless.header, let sequence = try sequence(of: header) else {
        continue
      }
      header.sequence = sequence
      let name = headerless.file.name
      try saved.save(name)
      try write(header, to: name)
      report.steps.append(
        RepairReport.Step(
          object: name,
          action: "its header was damaged and written anew, as its batches tell; records "
            + "\(headerless.first.rawValue) to \(headerless.last.rawValue) are there again"))
    }
  }

  /// Sequences ascend as first records do. `nil` when there is no place between the others.
  private func sequence(of header: JournalFileHeader) throws(StoreError) -> UInt64? {
    let others = try StoreInspector(disk: disk).journalFiles().compactMap(\.header)
      .filter { $0.uuid == uuid }
    let before = others.filter { $0.firstLSN < header.firstLSN }.map(\.sequence).max() ?? 0
    let behind = others.filter { $0.firstLSN >= header.firstLSN }.map(\.sequence).min() ?? .max
    let listed = catalogue.journalFiles.first { $0.firstLSN == header.firstLSN }?.sequence
    let sequence = listed ?? before + 1
    return sequence > before && sequence < behind ? sequence : nil
  }

  private func write(_ header: JournalFileHeader, to name: String) throws(StoreError) {
    let block = AlignedBuffer(byteCountMin: JournalFileHeader.byteCount)
    block.appendZeros(JournalFileHeader.byteCount)
    header.encode(into: block.mutableContents)
    do throws(SystemError) {
      let file = try disk.open(name, .write)
      try file.write(block.contents, at: 0)
      try file.sync()
    } catch {
      throw StoreError(error, while: "writing the header of \(name)")
    }
  }
}
