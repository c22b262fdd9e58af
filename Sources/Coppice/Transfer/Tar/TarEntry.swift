/// One member of a tar archive, its data aside.
package struct TarEntry: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case file, hardLink, symbolicLink, characterDevice, blockDevice, directory, fifo
  }

  package struct Attribute: Hashable, Sendable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  package var kind: Kind
  /// As in the archive; may begin with `./` or `/` and end in `/`.
  package var path: [UInt8]
  /// Of a hard link: the path of the member it equals. Of a symbolic link: its target.
  package var linkTarget: [UInt8] = []
  /// Permission bits with set-user-ID, set-group-ID and sticky.
  package var mode: UInt32 = 0o644
  package var userID: UInt32 = 0
  package var groupID: UInt32 = 0
  /// Nanoseconds since 1970-01-01 UTC.
  package var modified: Int64 = 0
  /// Of the last access, in nanoseconds; `nil` when the archive does not say it.
  package var accessed: Int64?
  /// The file's byte count, holes included.
  package var byteCount: UInt64 = 0
  package var deviceMajor: UInt32 = 0
  package var deviceMinor: UInt32 = 0
  package var attributes: [Attribute] = []
  /// Ascending ranges that hold data; everything else is a hole. `nil`: all of the file.
  package var dataRanges: [Range<UInt64>]?
  /// Keys of extended records that say something this type cannot: access control lists.
  package var ignoredRecords: [String] = []

  package init(kind: Kind, path: [UInt8]) {
    self.kind = kind
    self.path = path
  }

  /// The bytes of data that follow the headers, padding aside.
  package var storedByteCount: UInt64 {
    guard kind == .file else { return 0 }
    return dataRanges?.reduce(0) { $0 + UInt64($1.count) } ?? byteCount
  }
}
