package import CoppicePostgreSQL

/// What kind of content a file has: of a data directory what PostgreSQL keeps in it.
package enum ContentKind: Hashable, Sendable, CaseIterable {
  case postgreSQL(ClusterContent)
  /// Of no data directory.
  case other

  package static let allCases = ClusterContent.allCases.map(ContentKind.postgreSQL) + [.other]

  package var name: String {
    switch self {
    case .postgreSQL(let content): content.rawValue
    case .other: "other"
    }
  }
}

/// As text.
extension ContentKind: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let kind = Self.allCases.first(where: { $0.name == name }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(name)' is no kind of content")
    }
    self = kind
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}
