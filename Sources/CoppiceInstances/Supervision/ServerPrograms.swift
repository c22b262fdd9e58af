internal import CoppicePlatform
package import CoppiceErrors
package import CoppicePostgreSQL

/// The programs of one version of PostgreSQL that is installed on this machine.
package struct ServerPrograms: Hashable, Sendable {
  package let major: MajorVersion
  /// For example `15.18`, without what a distribution adds.
  package let version: String
  /// Where the programs lie, without symbolic links.
  package let directory: String

  private static let timeMax = Duration.seconds(20)

  /// From what `postgres -V` prints: `postgres (PostgreSQL) 15.18 (Debian ...)`; `nil` when it is
  /// something else.
  package init?(answer: some StringProtocol, directory: String) {
    let start = "postgres (PostgreSQL) "
    guard answer.hasPrefix(start) else { return nil }
    // A version that is not released is called 19devel or 19beta1.
    let version = answer.dropFirst(start.count).prefix { !$0.isWhitespace }
    guard let number = Int(version.prefix { $0.isASCII && $0.isNumber }), number > 0 else {
      return nil
    }
    major = MajorVersion(number)
    self.version = String(version)
    self.directory = directory
  }

  /// The path of one of its programs.
  package func path(of program: String) -> String { "\(directory)/\(program)" }

  /// The settings that the version knows, besides those for developers
  /// (`SettingTable.unlisted`) and those of extensions. Runs `postgres --describe-config`.
  package func settingNames() throws(StoreError) -> Set<String> {
    let program = path(of: "postgres")
    let result = try HostProgram.result(of: program, ["--describe-config"], Self.timeMax)
    guard result.status == 0 else {
      throw StoreError(
        .unavailable, "the program ended with status \(result.status)", object: program,
        remedy: "run it with --describe-config to see why")
    }
    let lines = result.output.split(separator: UInt8(ascii: "\n"))
    return Set(
      lines.map { line in
        String(decoding: line.prefix { $0 != UInt8(ascii: "\t") }, as: UTF8.self)
      })
  }

  /// Has the server's own program look at a configuration before anything is started or stopped
  /// with it. Throws `invalid` with the program's words when it does not take a name or a value.
  ///
  /// - Parameters:
  ///   - path: of the configuration file, `InstanceConfiguration.file`.
  ///   - directory: any directory, without a `postgresql.auto.conf`.
  package func verify(configuration path: String, in directory: String) throws(StoreError) {
    let arguments = ["-C", "port", "-D", directory, "-c", "config_file=\(path)"]
    let result = try HostProgram.result(of: self.path(of: "postgres"), arguments, Self.timeMax)
    guard result.status != 0 else { return }
    let text = String(decoding: result.output, as: UTF8.self)
    throw StoreError(
      .invalid, Self.complaint(in: text) ?? "a setting that PostgreSQL \(major) does not take",
      object: path, remedy: "correct the setting; the view pg_settings has units and bounds")
  }

  /// What a server's log has against a configuration.
  private static func complaint(in text: String) -> String? {
    for line in text.split(separator: "\n") {
      guard let mark = line.firstRange(of: " LOG:  ") else { continue }
      let words = line[mark.upperBound...]
      if !words.hasPrefix("skipping missing configuration file") { return String(words) }
    }
    return nil
  }

  /// Runs `postgres -V` in a directory. Throws `invalid` when that is no server.
  static func asked(in directory: String) throws(StoreError) -> ServerPrograms {
    let program = "\(directory)/postgres"
    let result = try HostProgram.result(of: program, ["-V"], timeMax)
    let answer = String(decoding: result.output, as: UTF8.self)
    guard result.status == 0, let programs = ServerPrograms(answer: answer, directory: directory)
    else {
      throw StoreError(
        .invalid, "the program does not answer -V as a server of PostgreSQL does", object: program,
        remedy: "name a directory with programs of PostgreSQL by --pg-programs")
    }
    return programs
  }
}

extension HostProgram {
  fileprivate static func result(
    of program: String, _ arguments: [String], _ time: Duration
  ) throws(StoreError) -> Result {
    do throws(SystemError) {
      return try run(program, arguments, within: time)
    } catch {
      throw StoreError(
        .unavailable, "the program could not be run", object: program,
        remedy: "run it by hand to see why", cause: error.description)
    }
  }
}
