package import Coppice
internal import CoppicePlatform

/// Writes the content of files, or of what links lead to, to a stream, one after the other.
package struct FileContentRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/files/content/read", "Write the content of files to a stream.")

  /// Those of one branch are read as they are at one moment.
  package var files: [FilePlace]
  package var target: ClientFile

  package init(files: [FilePlace], target: ClientFile) {
    self.files = files
    self.target = target
  }

  package var isReadOnly: Bool { true }

  package var access: Access {
    Access(.content, entries: files.map(\.entry))
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    var moments: [[UInt8]: Moment] = [:]
    for entry in files.map(\.entry) where moments[entry.nameKey] == nil {
      moments[entry.nameKey] = try context.store.moment(of: entry)
    }
    // Nothing is written if one of them is missing.
    var found: [(moment: Moment, file: FileID)] = []
    for place in files {
      guard let moment = moments[place.entry.nameKey] else {
        preconditionFailure("every entry has one")
      }
      found.append((moment, try Self.file(at: place, in: moment)))
    }
    var options = ExportOptions()
    options.apply(context, target)
    return try target.reachStream(context.files, forWriting: true) { stream throws(StoreError) in
      var byteCount: UInt64 = 0
      for (moment, file) in found {
        byteCount += try moment.exportContent(of: file, to: stream.fileDescriptor, options)
      }
      return Answer(byteCount: byteCount)
    }
  }

  /// What the place leads to, which must be a regular file.
  private static func file(
    at place: FilePlace, in moment: Moment
  ) throws(StoreError) -> FileID {
    let path = try place.requiredPath()
    return try place.naming { () throws(StoreError) in
      let file = try moment.lookup(path, followingLinks: true)
      switch try moment.attributes(of: file).kind {
      case .regular: return file
      case .directory: throw .isDirectory("\(place.entry):\(path)")
      default: throw .notRegular("\(place.entry):\(path)")
      }
    }
  }

  package struct Answer: Codable, Sendable {
    package var byteCount: UInt64
  }
}
