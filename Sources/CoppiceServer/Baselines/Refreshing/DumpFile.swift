internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// What pg_dump or pg_dumpall wrote, looked at as far as can be before it is restored.
///
/// It is read by programs of the store's owner, who may read less than this process.
struct DumpFile {
  let path: String
  let reader: DumpReader
  private let isArchive: Bool
  /// Whether it names its database; else what it brings lands wherever it is sent.
  let namesDatabase: Bool
  /// Whether roles are among what it brings, as pg_dumpall has it.
  let bringsRoles: Bool
  /// Of the programs that wrote it; `nil` where it does not say.
  let writer: MajorVersion?

  private static let beginningByteCount = 512
  /// Where the first member of a tar archive has the name of the format.
  private static let tarRange = 257..<262
  private static let compressions: [(bytes: [UInt8], program: String)] = [
    ([0x1F, 0x8B], "gunzip"), ([0x28, 0xB5, 0x2F, 0xFD], "unzstd"),
    ([0x42, 0x5A, 0x68], "bunzip2"),
    ([0xFD, 0x37, 0x7A, 0x58], "unxz"), ([0x04, 0x22, 0x4D, 0x18], "unlz4"),
  ]

  /// Throws `notFound` where nothing lies, `invalid` for what is no whole dump,
  /// `unsupportedFormat` for one of a newer version than is installed.
  init(at path: String, _ reader: DumpReader) throws(StoreError) {
    self.path = path
    self.reader = reader
    let isDirectory = try Self.isDirectory(path)
    let beginning = try reader.output(
      of: "/usr/bin/head",
      ["-c", "\(Self.beginningByteCount)", "--", isDirectory ? "\(path)/toc.dat" : path], from: path
    ).bytes
    guard !beginning.isEmpty else {
      throw StoreError(
        .invalid, "is empty", object: path, remedy: "dump it again, and see how pg_dump ends")
    }
    if let packed = Self.compressions.first(where: { beginning.starts(with: $0.bytes) }) {
      throw StoreError(
        .invalid, "is compressed", object: path,
        remedy: "unpack it with \(packed.program), or dump it with -Fc, which compresses too")
    }
    isArchive = isDirectory || Self.isArchive(beginning)
    let marks: DumpMarks
    if isArchive {
      marks = try Self.archiveMarks(path, reader)
      namesDatabase = true
    } else {
      marks = try Self.scriptMarks(path, reader)
      namesDatabase = marks.namesDatabase
    }
    bringsRoles = marks.bringsRoles
    writer = marks.writer
    let newest = reader.programs.major
    if let origin = marks.origin, origin > newest {
      throw StoreError(
        .unsupportedFormat,
        "is of PostgreSQL \(origin), and the newest that is installed here is \(newest)",
        object: path, remedy: "install the Debian package postgresql-\(origin)")
    }
  }

  private static func isDirectory(_ path: String) throws(StoreError) -> Bool {
    let kind: HostFileKind
    do throws(SystemError) { kind = try HostFile(locating: path).status().kind } catch {
      guard error.isMissing else { throw StoreError(reading: error, object: path) }
      throw StoreError(
        .notFound, "there is no such file or directory", object: path,
        remedy: "name what pg_dump or pg_dumpall wrote, by its path on the server's machine")
    }
    switch kind {
    case .regular: return false
    case .directory where HostPath.resolved("\(path)/toc.dat") != nil: return true
    default:
      throw StoreError(
        .invalid,
        kind == .directory
          ? "is a directory without toc.dat, which pg_dump -Fd writes"
          : "is neither a file nor a directory",
        object: path, remedy: "name what pg_dump or pg_dumpall wrote")
    }
  }

  private static func isArchive(_ beginning: [UInt8]) -> Bool {
    if beginning.starts(with: "PGDMP".utf8) { return true }
    return beginning.count >= tarRange.upperBound
      && beginning[tarRange].elementsEqual("ustar".utf8)
      && beginning.starts(with: "toc.dat\0".utf8)
  }

  private static func archiveMarks(
    _ path: String, _ reader: DumpReader
  ) throws(StoreError) -> DumpMarks {
    let program = reader.programs.path(of: "pg_restore")
    let (bytes, failure) = try reader.output(of: program, ["--list", path], from: path)
    guard let failure else { return DumpMarks(bytes) }
    if failure.contains("unsupported version") {
      throw StoreError(
        .unsupportedFormat,
        "is an archive of a newer version than PostgreSQL \(reader.programs.major): \(failure)",
        object: path, remedy: "install the version of the pg_dump that wrote it")
    }
    throw StoreError(
      .invalid, "is no whole archive: \(failure)", object: path,
      remedy: "dump it again, and see how pg_dump ends")
  }

  private static func scriptMarks(
    _ path: String, _ reader: DumpReader
  ) throws(StoreError) -> DumpMarks {
    let (bytes, failure) = try reader.output(
      of: "/usr/bin/grep", ["-aE", "-e", DumpMarks.pattern, "--", path], from: path,
      passing: [1])
    let marks = DumpMarks(bytes)
    guard failure == nil, marks.beginningCount > 0 else {
      throw StoreError(
        .invalid, "is no dump\(failure.map { ": \($0)" } ?? "")", object: path,
        remedy: "name what pg_dump or pg_dumpall wrote")
    }
    guard marks.endCount >= marks.beginningCount else {
      throw StoreError(
        .invalid, "breaks off: its last line, '\(DumpMarks.end)', is not there", object: path,
        remedy: "dump it again, and see how pg_dump ends")
    }
    return marks
  }

  // MARK: Reading

  /// What of it is restored.
  enum Part: Hashable {
    case all
    /// No rows of tables: to find out what it takes to restore them.
    case definitions
  }

  /// What begins and ends the rows of a table in a script.
  private static let rows = #"/^COPY .* FROM stdin;\r\{0,1\}$/,/^\\\.\r\{0,1\}$/d"#

  /// Starts a program whose output is a script for psql.
  ///
  /// - Parameter mark: what psql prints as an error when it has come to the script's end, and
  ///   behind it `ON_ERROR_STOP` as it is then, and `t` unless a transaction is open that changed
  ///   something.
  func start(_ part: Part, mark: String) throws(StoreError) -> StreamingProgram {
    let program: String
    let arguments: [String]
    if isArchive {
      program = reader.programs.path(of: "pg_restore")
      // There is one place for all that an instance has.
      arguments =
        ["--create", "--no-tablespaces", "--file=-"]
        + (part == .all ? [] : ["--schema-only"]) + [path]
    } else if part == .all {
      (program, arguments) = ("/bin/cat", ["--", path])
    } else {
      (program, arguments) = ("/bin/sed", ["-e", Self.rows, "--", path])
    }
    return try reader.start(
      "/bin/sh", ["-c", Self.ended, Self.end(mark: mark), program] + arguments)
  }

  private static let ended = #""$@" && printf '%s' "$0""#

  private static func end(mark: String) -> String {
    #"""

    ; SELECT pg_catalog.pg_current_xact_id_if_assigned() IS NULL AS coppice_ended \gset
    \warn \#(mark) :ON_ERROR_STOP :coppice_ended

    """#
  }
}

/// The lines of a dump that tell what it is.
struct DumpMarks {
  /// How many dumps begin in it, those in another one too, and how many have an end.
  private(set) var beginningCount = 0
  private(set) var endCount = 0
  private(set) var namesDatabase = false
  private(set) var bringsRoles = false
  /// Of the server, the newest that it names.
  private(set) var origin: MajorVersion?
  private(set) var writer: MajorVersion?

  static let end = "-- PostgreSQL database dump complete"
  private static let beginning = "-- PostgreSQL database dump"
  private static let clusterBeginning = "-- PostgreSQL database cluster dump"
  private static let clusterEnd = "-- PostgreSQL database cluster dump complete"

  /// For grep: the lines in question of a script.
  static let pattern =
    #"^(\\(connect|c) |CREATE ROLE |-- Dumped (from database|by pg_dump) version |"#
    + #"-- PostgreSQL database (cluster )?dump)"#

  /// Of these lines, or of what `pg_restore --list` prints.
  init(_ bytes: [UInt8]) {
    let endOfLine = UInt8(ascii: "\n")
    for line in bytes.split(separator: endOfLine) {
      var text = String(decoding: line.prefix(200), as: UTF8.self)
      while text.unicodeScalars.last == "\r" || text.last == " " {
        text.unicodeScalars.removeLast()
      }
      switch text {
      case Self.beginning, Self.clusterBeginning: beginningCount += 1
      case Self.end, Self.clusterEnd: endCount += 1
      default: note(text)
      }
    }
  }

  private mutating func note(_ text: String) {
    if text.utf8.first == UInt8(ascii: "\\") { namesDatabase = true }
    if text.hasPrefix("CREATE ROLE ") { bringsRoles = true }
    if let version = Self.version(in: text, after: "Dumped from database version") {
      origin = max(origin ?? version, version)
    }
    if let version = Self.version(in: text, after: "Dumped by pg_dump version") {
      writer = max(writer ?? version, version)
    }
  }

  private static func version(in text: String, after words: String) -> MajorVersion? {
    guard let range = text.firstRange(of: words), text.hasPrefix("-- ") || text.hasPrefix("; ")
    else { return nil }
    let digits = text[range.upperBound...].drop { $0 == ":" || $0 == " " }
      .prefix { $0.isASCII && $0.isNumber }
    return Int(digits).map { MajorVersion($0) }
  }
}

/// Programs of the store's owner that read a dump.
struct DumpReader {
  let owner: UInt32
  /// Of the newest version that is installed.
  let programs: ServerPrograms
  let isWanted: @Sendable () -> Bool

  private static let outputByteCountMax = 16 << 20

  func start(_ program: String, _ arguments: [String]) throws(StoreError) -> StreamingProgram {
    do throws(SystemError) {
      return try StreamingProgram(program, arguments, as: owner)
    } catch {
      throw StoreError(error, while: "starting \(program)")
    }
  }

  /// What a program prints, cut off where it is long, and its last words when it failed.
  ///
  /// Throws `denied` when it may not read the dump.
  /// - Parameter passing: what it may end with besides 0.
  func output(
    of program: String, _ arguments: [String], from path: String, passing: Set<Int32> = []
  ) throws(StoreError) -> (bytes: [UInt8], failure: String?) {
    let running = try start(program, arguments)
    defer { running.end() }
    var output = [UInt8](repeating: 0, count: Self.outputByteCountMax)
    let end: ProcessEnd
    do throws(SystemError) {
      let count = try output.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try running.output.readNext(into: UnsafeMutableRawBufferPointer(buffer), while: isWanted)
      }
      output.removeSubrange(count...)
      try running.passOver(while: isWanted)
      end = try running.wait()
    } catch {
      throw StoreError(error, while: "reading \(path)")
    }
    if case .exited(let status) = end, status == 0 || passing.contains(status) {
      return (output, nil)
    }
    let words = running.lastWords
    guard !words.contains("Permission denied") else {
      throw StoreError(
        .denied, "cannot be read: \(words)", object: path,
        remedy: "let \(HostUser.name(of: owner)), who owns the store, read it")
    }
    return (output, words)
  }
}
