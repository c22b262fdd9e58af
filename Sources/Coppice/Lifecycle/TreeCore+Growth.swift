internal import CoppiceEngine

extension TreeCore {
  /// Throws `full` with reason `limit` when the file may not grow to that byte count.
  func admitGrowth(of file: FileID, to byteCount: UInt64) throws(StoreError) {
    guard let growth, !growth.isOpen, byteCount > GrowthLimit.fileByteCountMax else { return }
    let old = try space.attributes(of: file.volume)?.byteCount ?? 0
    guard GrowthLimit.concernsGrowth(from: old, to: byteCount) else { return }
    try growth.admit { () throws(StoreError) in
      try growth.isExempt(file, in: cache) { () throws(StoreError) in
        try read { names throws(StoreError) in try DataDirectory.cannotSpare(file, in: names) }
      }
    }
  }
}

extension FileTransaction {
  /// As `TreeCore.admitGrowth`, as the transaction has changed the file so far.
  func admitGrowth(of file: FileID, to byteCount: UInt64) throws(StoreError) {
    guard let growth = core.growth, !growth.isOpen, byteCount > GrowthLimit.fileByteCountMax else {
      return
    }
    let old = try volume(of: file)?.byteCount ?? 0
    guard GrowthLimit.concernsGrowth(from: old, to: byteCount) else { return }
    try growth.admit { () throws(StoreError) in
      try DataDirectory.cannotSpare(file, in: names)
    }
  }
}
