internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport

/// Imports and shared copies.
extension Simulation {
  func importNew(
    _ name: String, seed: UInt64, _ domain: DomainID, to engine: Engine
  ) throws -> BranchID {
    let staging = try engine.imports.begin(domain: domain)
    do {
      try fill(staging, ImportContent(seed: seed))
      return try staging.publish(creating: name).id
    } catch {
      staging.cancel()
      throw error
    }
  }

  func importReplacing(_ id: BranchID, seed: UInt64, in engine: Engine) throws {
    let staging = try engine.imports.begin(replacing: try branch(id))
    do {
      try drop(state.branches[id]?.volumes.keys.sorted() ?? [], staging)
      try fill(staging, ImportContent(seed: seed))
      try staging.publishReplacing()
    } catch {
      staging.cancel()
      throw error
    }
  }

  private func drop(_ volumes: [VolumeNumber], _ staging: StagingImport) throws {
    var transaction = Transaction(time: clock.wallNanoseconds())
    for volume in volumes { transaction.drop(volume) }
    if !transaction.isEmpty { _ = try staging.commit(transaction) }
  }

  func fill(_ staging: StagingImport, _ content: ImportContent) throws {
    for volume in content.volumes {
      for leaf in volume.leaves {
        touched[volume.number, default: []].formUnion(leaf.index * 256..<leaf.index * 256 + 6)
        let padding = [UInt8](repeating: 0, count: leaf.byteCount - leaf.content.count)
        try (leaf.content + padding).withUnsafeBytes {
          try staging.putLeaf(volume.number, leafIndex: leaf.index, pages: $0)
        }
      }
      try staging.finishVolume(
        volume.number, byteCount: volume.byteCount, modified: clock.wallNanoseconds())
    }
  }

  func share(
    _ source: BranchID, _ volume: VolumeNumber, _ pages: Range<UInt64>, _ target: BranchID,
    _ other: VolumeNumber, _ page: UInt64
  ) throws -> LSN {
    touched[other, default: []].formUnion(page..<page + UInt64(pages.count))
    let refs = try branch(source).storedRefs(of: volume, pages: pages)
    var transaction = Transaction(time: clock.wallNanoseconds())
    transaction.share(other, at: page * UInt64(ModelVolume.pageByteCount), refs)
    return try branch(target).commit(transaction)
  }
}
