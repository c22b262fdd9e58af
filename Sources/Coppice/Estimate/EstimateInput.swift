internal import CoppicePlatform

/// What is estimated: a directory of the machine, or a tar file that holds one. It must stand still
/// until `verify` has returned. Thread-safe.
package final class EstimateInput: Sendable {
  /// As the user names it.
  package let path: String
  /// What it has, each directory before what is in it.
  package let entries: [EstimateEntry]
  private let source: Source

  private enum Source: Sendable {
    case directory(HostDirectory)
    case archive(HostFile, HostStatus)
  }

  /// Opens the input and lists it. Throws `notFound`, `denied` and so on for what it cannot read,
  /// `invalid` for what is neither a directory nor a tar file.
  package init(_ path: String) throws(StoreError) {
    self.path = path
    source = try Self.open(path)
    entries = try Self.list(source)
  }

  private static func open(_ path: String) throws(StoreError) -> Source {
    do throws(SystemError) {
      let status = try HostFile(locating: path).status()
      switch status.kind {
      case .directory: return .directory(try HostDirectory(path: path))
      case .regular:
        let file = try HostFile(reading: path)
        return .archive(file, try file.status().withoutAccess)
      default: break
      }
    } catch {
      if error.isMissing {
        throw StoreError(
          .notFound, "no such file or directory", object: path,
          remedy: "name a directory or a tar file", cause: error.description)
      }
      throw StoreError(reading: error, object: path).inEstimate
    }
    throw StoreError(
      .invalid, "is neither a directory nor a file", object: path,
      remedy: "name a directory or a tar file; write a stream to a file first")
  }

  private static func list(_ source: Source) throws(StoreError) -> [EstimateEntry] {
    do throws(StoreError) {
      switch source {
      case .directory(let directory): return try EstimateListing.entries(of: directory)
      case .archive(let file, _): return try EstimateListing.entries(ofArchive: file)
      }
    } catch {
      throw error.inEstimate
    }
  }

  /// The content of a regular file; `nil` for what has none of its own.
  package func open(_ entry: EstimateEntry) throws(StoreError) -> EstimateContent? {
    switch (entry.content, source) {
    case (.file(let status), .directory(let directory)):
      do throws(StoreError) {
        let object = "\(path)/\(entry.path)"
        let file = try reading(object) { () throws(SystemError) in
          let names = entry.path.components.map(\.bytes)
          return try directory.openDirectory(at: names.dropLast()).openFile(names.last ?? [])
        }
        let now = try reading(object) { () throws(SystemError) in try file.status() }
        guard now.withoutAccess == status else { throw StoreError.changed(object) }
        return EstimateContent(file, status)
      } catch {
        throw error.inEstimate
      }
    case (.member(let pieces), .archive(let file, _)):
      return EstimateContent(file, byteCount: entry.byteCount, pieces)
    default: return nil
    }
  }

  /// The first bytes of a regular file, at most that many.
  package func beginning(
    of entry: EstimateEntry, byteCountMax: Int
  ) throws(StoreError) -> [UInt8] {
    guard let content = try open(entry) else { return [] }
    let count = Int(min(UInt64(byteCountMax), content.byteCount))
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withMutableBytes { bytes throws(StoreError) in try content.read(into: bytes, at: 0) }
    return bytes
  }

  /// Throws `conflict` unless all is as it was when the input was listed: names, kinds, owners,
  /// byte counts, times of modification and change.
  package func verify() throws(StoreError) {
    switch source {
    case .archive(let file, let status):
      let now = try reading(path) { () throws(SystemError) in try file.status() }
      if now.withoutAccess != status { throw .changed(path) }
    case .directory:
      let now = try Self.list(source)
      let difference = Set(entries.map(\.path)).symmetricDifference(now.map(\.path)).min()
      if let difference { throw .changed("\(path)/\(difference)") }
      // A directory changes when names in it do, which tell more.
      let changed = zip(entries, now).filter { $0.status != $1.status }.map { $0.0 }
      if let first = changed.first(where: { $0.kind != .directory }) ?? changed.first {
        throw .changed("\(path)/\(first.path)")
      }
    }
  }
}

extension HostStatus {
  /// Reading moves the time of access.
  var withoutAccess: HostStatus {
    var status = self
    status.accessed = 0
    return status
  }
}

extension StoreError {
  static func changed(_ object: String, _ message: String = "changed while it was read")
    -> StoreError
  {
    StoreError(
      .conflict, message, object: object,
      remedy: "give what stands still: a snapshot of its file system, the data directory of a "
        + "stopped server, or the tar of a base backup")
  }

  /// What failed while an input was read, in words that do not speak of an import.
  var inEstimate: StoreError {
    var error = self
    switch kind {
    case .notFound: error = .changed(object, "vanished while it was read")
    case .conflict: error = .changed(object)
    case .denied: error.remedy = "estimate as a user who may read it"
    default:
      error.remedy = remedy.mapText { text in
        for words in ["nothing was imported; ", "nothing was changed; "]
        where text.hasPrefix(words) { return String(text.dropFirst(words.count)) }
        return text
      }
    }
    error.cause = cause
    return error
  }
}
