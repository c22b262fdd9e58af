/// The file that says what store it is. It never changes.
enum SuperblockFile {
  static let name = "superblock"

  /// What may be done about two damaged copies of what is in it.
  static let remedy: Remedy = "use \(step: .repair), or \(remedyOfLoss)"

  static let remedyOfLoss: Remedy =
    "restore this one file from any copy of the store, however old: it never changes"
}
