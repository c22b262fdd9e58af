package import Coppice

package struct FileListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/files", "List a directory of a branch.")

  /// A branch or snapshot.
  package var entry: String
  /// A directory or file in it; its top without.
  package var path: String?

  package init(entry: String, path: String?) {
    self.entry = entry
    self.path = path
  }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.content, .entry(entry)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let tree = try context.store.moment(of: entry)
    let place = FilePlace(entry, path)
    return try place.naming { () throws(StoreError) in
      Answer(entries: try tree.list(place.branchPath()))
    }
  }

  package struct Answer: Codable, Sendable {
    package var entries: [FileInfo]
  }
}
