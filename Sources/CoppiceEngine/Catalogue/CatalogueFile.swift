internal import CoppicePlatform

/// The files of the catalogue. They are named by a running number; the newest counts, the one
/// before it is kept for repair.
enum CatalogueFile {
  static let prefix = "catalogue-"
  /// The file under which a catalogue is written until it is complete.
  static let unfinished = "catalogue.new"

  static func name(_ number: UInt64) -> String { "\(prefix)\(number)" }

  /// `nil` for any other file.
  static func number(of name: String) -> UInt64? {
    guard name.hasPrefix(prefix) else { return nil }
    return UInt64(name.dropFirst(prefix.count))
  }

  /// Durable on return. What is older than the one before goes.
  static func write(_ catalogue: [UInt8], number: UInt64, to disk: any Disk) throws(SystemError) {
    try disk.replace(name(number), with: catalogue, unfinished: unfinished)
    try disk.syncDirectory("")
    for name in try disk.list("") {
      guard let old = self.number(of: name), old + 1 < number else { continue }
      try disk.remove(name)
    }
  }
}
