import Foundation
import TestSupport

/// A store kept among the fixtures: its files without their zeros at the end, and a list of their
/// byte counts.
enum StoredStore {
  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")
  static let stores = folder.appending(path: "format-1/stores")
  private static let listName = "byte-counts"

  /// Whether the tests write the fixtures instead of checking against them.
  static var isWriting: Bool { ProcessInfo.processInfo.environment["WRITE_FIXTURES"] != nil }

  static func load(_ name: String) throws -> SimulatedDisk {
    let disk = SimulatedDisk(seed: 1)
    try disk.makeDirectory("journal")
    try disk.makeDirectory("segments")
    let source = stores.appending(path: name)
    let list = try String(contentsOf: source.appending(path: listName), encoding: .utf8)
    for line in list.split(separator: "\n") {
      let parts = line.split(separator: " ")
      var bytes = [UInt8](try Data(contentsOf: source.appending(path: String(parts[0]))))
      bytes += [UInt8](repeating: 0, count: Int(parts[1])! - bytes.count)
      try disk.setContents(of: String(parts[0]), to: bytes)
    }
    return disk
  }

  static func save(_ disk: SimulatedDisk, as name: String) throws {
    let target = stores.appending(path: name)
    try? FileManager.default.removeItem(at: target)
    var list = ""
    for file in disk.fileNames() {
      let bytes = try disk.contents(of: file)
      list += "\(file) \(bytes.count)\n"
      let used = (bytes.lastIndex { $0 != 0 } ?? -1) + 1
      let path = target.appending(path: file)
      try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes.prefix(used)).write(to: path)
    }
    try list.write(to: target.appending(path: listName), atomically: true, encoding: .utf8)
  }
}
