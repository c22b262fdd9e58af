package import Coppice
package import CoppicePools

/// What a store calls a pool, and how it is reached: what the setting `remote/NAME` holds, as JSON.
package struct RemoteSettings: Hashable, Sendable, Codable {
  package var name: String
  package var place: RemotePlace
  /// The pool's identity: what lies elsewhere, or later in that place, is another one.
  package var pool: String
  /// How the object store wants tags, as a probe found out; `nil` before one has: then the pool is
  /// only read.
  package var tagStyle: String?
  /// Nanoseconds since 1970-01-01 UTC.
  package var addedNanoseconds: Int64

  package init(
    name: String, place: RemotePlace, pool: String, tagStyle: TagStyle?, addedNanoseconds: Int64
  ) {
    self.name = name
    self.place = place
    self.pool = pool
    self.tagStyle = tagStyle?.rawValue
    self.addedNanoseconds = addedNanoseconds
  }

  /// The key of a remote's setting.
  static func settingKey(_ name: String) -> String { settingPrefix + name }

  /// What the keys of all remotes' settings begin with.
  static let settingPrefix = "remote/"
}

/// A remote as answers have it.
package struct RemoteAnswer: Codable, Sendable {
  package var name: String
  /// `s3://BUCKET/PREFIX`.
  package var url: String
  /// `nil`: that of AWS in the region.
  package var endpoint: String?
  package var region: String?
  package var isPathStyle: Bool
  /// `env`, or a file.
  package var credentials: String
  package var certificateFile: String?
  package var keyFile: String?
  package var keyCommand: String?
  /// The pool's identity.
  package var pool: String
  package var addedAt: Timestamp

  init(_ remote: RemoteSettings) {
    name = remote.name
    url = remote.place.url
    endpoint = remote.place.endpoint
    region = remote.place.region
    isPathStyle = remote.place.pathStyle
    credentials = remote.place.credentials
    certificateFile = remote.place.certificateFile
    keyFile = remote.place.keyFile
    keyCommand = remote.place.keyCommand
    pool = remote.pool
    addedAt = Timestamp(nanoseconds: remote.addedNanoseconds)
  }
}
