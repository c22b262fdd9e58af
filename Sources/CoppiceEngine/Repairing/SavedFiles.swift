internal import CoppicePlatform

/// Copies of files as they were before a repair touched them, in a folder of the store.
struct SavedFiles {
  private static let pieceByteCount = 1 << 20

  let disk: any Disk
  let folder: String
  private var isMade = false
  private var saved: Set<String> = []

  /// Takes a folder name that is free; makes the folder when the first file is saved.
  init(disk: any Disk) throws(StoreError) {
    self.disk = disk
    do throws(SystemError) {
      folder = RepairFolders.name((try RepairFolders.numbers(on: disk).last ?? 0) + 1)
    } catch {
      throw StoreError(error, while: "preparing a repair")
    }
  }

  var isEmpty: Bool { saved.isEmpty }

  /// Copies a file, durably, unless that was done before.
  mutating func save(_ name: String) throws(StoreError) {
    if saved.contains(name) { return }
    do throws(SystemError) {
      if !isMade {
        try disk.makeDirectory(folder)
        try disk.syncDirectory("")
        isMade = true
      }
      try copy(name, to: "\(folder)/\(name.split(separator: "/").joined(separator: "-"))")
      try disk.syncDirectory(folder)
    } catch {
      throw StoreError(error, while: "copying \(name) before its repair")
    }
    saved.insert(name)
  }

  private func copy(_ name: String, to target: String) throws(SystemError) {
    let source = try disk.open(name, .read)
    let copy = try disk.open(target, .create)
    let buffer = AlignedBuffer(byteCountMin: Self.pieceByteCount)
    var offset: UInt64 = 0
    while true {
      buffer.removeAll()
      buffer.extend(Self.pieceByteCount)
      let count = try source.read(into: buffer.mutableContents, at: offset)
      if count == 0 { break }
      try copy.write(UnsafeRawBufferPointer(rebasing: buffer.contents[..<count]), at: offset)
      offset += UInt64(count)
    }
    try copy.sync()
  }
}
