internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport

/// Stores with damaged files.
extension Simulation {
  /// Every page that can be read, with its bytes; those that cannot are left out.
  func readablePages() throws -> [String: [UInt8]] {
    let engine = try Engine.open(disk: disk, clock: clock, options: options)
    defer {
      engine.abandon()
      disk.kill()
    }
    var pages: [String: [UInt8]] = [:]
    for entry in engine.branches.entries() where !entry.flags.contains(.deleted) {
      guard let branch = engine.branches.with(entry.id) else { continue }
      for (volume, numbers) in touched {
        for number in numbers {
          var page = ModelVolume.zeroPage
          let count = try? page.withUnsafeMutableBytes {
            try branch.read(
              volume, at: number * UInt64(ModelVolume.pageByteCount), into: $0)
          }
          if let count {
            pages["\(entry.name) \(volume.rawValue) \(number)"] = Array(page[..<count])
          }
        }
      }
    }
    return pages
  }

  /// A collection may refuse to work on a damaged store.
  func collectAndReopen() throws {
    let engine = try Engine.open(disk: disk, clock: clock, options: options)
    var collection = CollectionOptions()
    collection.isFull = true
    _ = try? engine.collector.collectGarbage(collection)
    engine.abandon()
    disk.kill()
  }
}
