internal import CoppicePlatform

/// Folders of a store in which repairs left copies of files as they were before. Nothing reads them
/// again, and nothing but their owner removes them: bytes of what is deleted later stay in them.
enum RepairFolders {
  private static let prefix = "repair-"

  static func name(_ number: Int) -> String { "\(prefix)\(number)" }

  /// The numbers of those that are there, ascending.
  static func numbers(on disk: any Disk) throws(SystemError) -> [Int] {
    try disk.list("").compactMap { name in
      name.hasPrefix(prefix) ? Int(name.dropFirst(prefix.count)) : nil
    }.sorted()
  }
}

extension StoreCore {
  /// The names of repairs' folders.
  func repairFolders() throws(StoreError) -> [String] {
    do throws(SystemError) {
      return try RepairFolders.numbers(on: disk).map(RepairFolders.name)
    } catch {
      throw StoreError(error, while: "looking for repairs' folders")
    }
  }
}
