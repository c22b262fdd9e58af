internal import CoppiceFormat
internal import CoppicePlatform

/// Makes both copies of the superblock whole: a damaged one from the other; both, if a checksum
/// proves what they tell together. A whole copy is never written to.
struct SuperblockRepair {
  let disk: any Disk

  /// Returns the superblock. Throws `corrupt` when neither copy can be had back.
  func run(_ saved: inout SavedFiles, _ report: inout RepairReport) throws(StoreError) -> Superblock
  {
    let inspection = try StoreInspector(disk: disk).superblock()
    switch inspection.content {
    case .success(let superblock):
      let damaged = inspection.copies.indices.filter {
        (try? inspection.copies[$0].get()) != superblock
      }
      // What this version may not write it leaves alone; opening says so.
      guard !damaged.isEmpty, superblock.isWritable else { return superblock }
      try write(superblock, damaged, &saved)
      for index in damaged {
        report.steps.append(
          RepairReport.Step(
            object: "superblock copy \(index + 1)", action: "it was written anew from the other one"
          ))
      }
      return superblock
    case .failure(let error):
      let error = StoreError(error, in: SuperblockFile.name)
      guard error.kind == .corrupt else { throw error }
      let bytes = try StoreInspector(disk: disk).contents(of: SuperblockFile.name)
      guard let superblock = Superblock.restoring(bytes.span.bytes) else { throw Self.loss }
      guard superblock.isWritable else { return superblock }
      try write(superblock, Array(inspection.copies.indices), &saved)
      report.steps.append(
        RepairReport.Step(
          object: SuperblockFile.name,
          action: "both copies were damaged; what they tell together was proven by its checksum"))
      return superblock
    }
  }

  private static let loss = StoreError(
    .corrupt,
    "both copies of the superblock are damaged, and without the secret in it no data can be "
      + "verified",
    object: SuperblockFile.name,
    remedy: SuperblockFile.remedyOfLoss)

  /// One copy after the other, so that at most one of them is half written.
  private func write(_ superblock: Superblock, _ copies: [Int], _ saved: inout SavedFiles)
    throws(StoreError)
  {
    let lock = try disk.lockStore(exclusively: true)
    defer { withExtendedLifetime(lock) {} }
    try saved.save(SuperblockFile.name)
    let copy = Array(superblock.encode().prefix(Superblock.copyByteCount))
    do throws(SystemError) {
      let file = try disk.open(SuperblockFile.name, .write)
      for index in copies {
        try file.write(copy, at: UInt64(index * Superblock.copyByteCount))
        try file.sync()
      }
    } catch {
      throw StoreError(error, while: "writing the superblock")
    }
  }
}
