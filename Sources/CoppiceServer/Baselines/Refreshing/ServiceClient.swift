internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// PostgreSQL's own programs as clients of a server somewhere, by a section of the connection
/// service file: they run as the store's owner, whose passwords they find in his home.
struct ServiceClient {
  let service: String
  /// Whose files and programs these are.
  let owner: UInt32
  /// Of the newest version that is installed: clients speak to older servers.
  let programs: ServerPrograms
  let isWanted: @Sendable () -> Bool

  /// Where a server may be told that services and passwords are, instead of in the owner's home.
  static let variables = ["PGSERVICEFILE", "PGPASSFILE", "PGSYSCONFDIR"]

  private static let fieldMark = "\u{1F}"
  private static let rowMark = "\u{1E}"
  private static let outputByteCountMax = 16 << 20
  private static let connectSeconds = "20"

  /// The conninfo of a connection to a database, or to the service's own.
  func connection(to database: String? = nil) -> String {
    let name = database.map {
      " dbname='\($0.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }
    return "service=\(service)\(name ?? "") connect_timeout=\(Self.connectSeconds) "
      + "application_name=coppice"
  }

  /// Carries out a statement, and returns its rows; what is null is an empty text.
  func rows(_ statement: String, in database: String? = nil) throws(StoreError) -> [[String?]] {
    let running = try start(
      "psql",
      [
        "--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--no-password",
        "--field-separator", Self.fieldMark, "--record-separator", Self.rowMark,
        "--dbname", connection(to: database), "--command", statement,
      ])
    defer { running.end() }
    var output = [UInt8](repeating: 0, count: Self.outputByteCountMax)
    let count: Int
    do throws(SystemError) {
      count = try output.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try running.output.readNext(into: UnsafeMutableRawBufferPointer(buffer), while: isWanted)
      }
    } catch {
      throw StoreError(error, while: "asking \(service)")
    }
    try finish(running, "psql")
    let text = String(decoding: output[..<count], as: UTF8.self)
    return text.split(separator: "\u{1E}").map { row in
      let row = row.last == "\n" ? row.dropLast() : row
      return row.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Waits for the end of a program. Throws its last words unless it ends well.
  func finish(_ running: StreamingProgram, _ program: String) throws(StoreError) {
    let end: ProcessEnd
    do throws(SystemError) {
      try running.passOver(while: isWanted)
      end = try running.wait()
    } catch {
      throw StoreError(error, while: "waiting for \(program)")
    }
    if end != .exited(0) { throw failure(of: running, program) }
  }

  /// Starts one of the programs. Only the owner may read what it is told.
  func start(_ program: String, _ arguments: [String]) throws(StoreError) -> StreamingProgram {
    do throws(SystemError) {
      return try StreamingProgram(
        programs.path(of: program), arguments, as: owner, inheriting: Self.variables)
    } catch {
      throw StoreError(error, while: "starting \(program)")
    }
  }

  func failure(of running: StreamingProgram, _ program: String) -> StoreError {
    let words = running.lastWords
    let kind: StoreError.Kind =
      if words.contains("definition of service") {
        .notFound
      } else {
        Self.refusals.contains { words.contains($0) } ? .denied : .unavailable
      }
    let name = HostUser.name(of: owner)
    let file = HostProcess.variable("PGSERVICEFILE")
    return StoreError(
      kind, "\(program) failed: \(words)", object: "postgres:\(service)",
      remedy: kind == .notFound
        ? "name a section of \(file ?? "\(name)'s .pg_service.conf")"
        : "see that \(name) reaches it: \(file.map { "PGSERVICEFILE=\($0) " } ?? "")"
          + "psql service=\(service)")
  }

  /// What does not pass by itself, as a server says it in English.
  private static let refusals = [
    "authentication failed", "no password supplied", "no pg_hba.conf entry",
    "must be superuser or replication role", "permission denied",
  ]
}
