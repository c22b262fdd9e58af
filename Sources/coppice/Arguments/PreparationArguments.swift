internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

/// With what a cluster is prepared.
struct PreparationArguments: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Statements for each database, or one, in one transaction; may come often.",
      valueName: "[database=]file"))
  var neutralise: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Which tables are vacuumed: auto (those that a reader would change), all or none.",
      valueName: "auto|all|none"))
  var freeze = "auto"

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Take what is found as it is: EXTENSION-MISSING or COLLATION-VERSION; may come often.",
      valueName: "code"))
  var accept: [String] = []

  func preparation() throws(StoreError) -> BaselinePreparation {
    var statements: [BaselinePreparation.Statements] = []
    for text in neutralise {
      let parts = text.split(byte: UInt8(ascii: "="), keepsEmpty: true, maxCount: 2)
      let isNamed = parts.count == 2 && !parts[0].isEmpty && !parts[0].contains("/")
      let path = isNamed ? parts[1] : text
      statements.append(
        BaselinePreparation.Statements(
          database: isNamed ? parts[0] : nil, text: try Self.content(of: path)))
    }
    return BaselinePreparation(
      statements: statements, freezing: freeze, accepted: accept)
  }

  private static let byteCountMax = 1 << 16

  private static func content(of path: String) throws(StoreError) -> String {
    var bytes = [UInt8](repeating: 0, count: byteCountMax + 1)
    let count: Int
    do throws(SystemError) {
      let file = try HostFile(reading: path)
      count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try file.readNext(into: UnsafeMutableRawBufferPointer(buffer))
      }
    } catch {
      guard !error.isMissing else {
        throw StoreError(
          .notFound, "no such file", object: path, remedy: "name a file with SQL statements")
      }
      throw StoreError(reading: error, object: path)
    }
    if count <= byteCountMax, !bytes[..<count].contains(0),
      let text = String(validating: bytes[..<count], as: UTF8.self)
    {
      return text
    }
    throw StoreError(
      .invalid, "is no text in UTF-8 of at most 64 KiB", object: path,
      remedy: "name a file with SQL statements")
  }
}
