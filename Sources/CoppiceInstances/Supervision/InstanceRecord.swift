package import Coppice
package import CoppicePostgreSQL

/// What is kept of an instance in its branch's entry (`AnnotationTag.instance`): whether it shall
/// run, and what makes its address and password the same after every restart. Little-endian:
///
///     version u8 = 1   shallRun u8   major u16   port u16   generation u32   userID u32
///     dataDirectory, login, database: each byteCount u16, UTF-8 (a path as `BranchPath` has it)
///     settingCount u16   for each: key, value, likewise
package struct InstanceRecord: Hashable, Sendable {
  /// Whether it is started again when the server starts.
  package var shallRun: Bool
  package var major: MajorVersion
  /// Where clients connect. Kept while the branch lives.
  package var port: UInt16
  /// Raised to change the password.
  package var generation: UInt32
  /// Under which the mount shows the files of the data directory's owner, and the instance works.
  package var userID: UInt32
  /// In the branch, as `BranchPath.description` has it; empty for its top.
  package var dataDirectory: String
  /// The role by which clients log in.
  package var login: String
  package var database: String
  /// What somebody set, by the setting's name.
  package var settings: [String: String]

  package init(
    shallRun: Bool, major: MajorVersion, port: UInt16, generation: UInt32, userID: UInt32,
    dataDirectory: String, login: String, database: String, settings: [String: String]
  ) {
    self.shallRun = shallRun
    self.major = major
    self.port = port
    self.generation = generation
    self.userID = userID
    self.dataDirectory = dataDirectory
    self.login = login
    self.database = database
    self.settings = settings
  }

  private static let version: UInt8 = 1
  private static let textByteCountMax = Int(UInt16.max)

  /// Throws `invalid` for a text of more than 65,535 bytes.
  package func bytes(of branch: String) throws(StoreError) -> [UInt8] {
    var bytes: [UInt8] = [Self.version, shallRun ? 1 : 0]
    func put(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    put(UInt16(clamping: major.number))
    put(port)
    put(generation)
    put(userID)
    let ordered = settings.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    let texts = [dataDirectory, login, database]
    let pairs = ordered.flatMap { [$0.key, $0.value] }
    for text in texts + pairs where text.utf8.count > Self.textByteCountMax {
      throw StoreError(
        .invalid, "a name or value of \(text.utf8.count) bytes", object: branch,
        remedy: "use shorter ones")
    }
    func put(text: String) {
      put(UInt16(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    for text in texts { put(text: text) }
    put(UInt16(ordered.count))
    for text in pairs { put(text: text) }
    return bytes
  }

  /// `nil` for bytes that are none of this version.
  package init?(_ bytes: [UInt8]) {
    var reader = Reader(rest: bytes[...])
    guard reader.number(UInt8.self) == Self.version, let flag = reader.number(UInt8.self),
      flag <= 1, let major = reader.number(UInt16.self), let port = reader.number(UInt16.self),
      let generation = reader.number(UInt32.self), let userID = reader.number(UInt32.self),
      let dataDirectory = reader.text(), let login = reader.text(), let database = reader.text(),
      let count = reader.number(UInt16.self)
    else { return nil }
    settings = [:]
    for _ in 0..<count {
      guard let key = reader.text(), let value = reader.text(),
        settings.updateValue(value, forKey: key) == nil
      else { return nil }
    }
    guard reader.rest.isEmpty else { return nil }
    shallRun = flag == 1
    self.major = MajorVersion(Int(major))
    self.port = port
    self.generation = generation
    self.userID = userID
    self.dataDirectory = dataDirectory
    self.login = login
    self.database = database
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
      let count = MemoryLayout<Number>.size
      guard rest.count >= count else { return nil }
      defer { rest.removeFirst(count) }
      return rest.prefix(count).reversed().reduce(0) { $0 << 8 | Number($1) }
    }

    mutating func text() -> String? {
      guard let count = number(UInt16.self), rest.count >= Int(count) else { return nil }
      defer { rest.removeFirst(Int(count)) }
      return String(validating: rest.prefix(Int(count)), as: UTF8.self)
    }
  }
}
