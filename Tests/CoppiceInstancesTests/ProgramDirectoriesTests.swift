import CoppiceErrors
import CoppiceInstances
import CoppicePostgreSQL
import Glibc
import TestSupport
import Testing

struct ProgramDirectoriesTests {
  /// A program in `NAME/bin` that answers as a server of that version does, and counts how often it
  /// is asked.
  @discardableResult
  private static func makeServer(
    _ version: String, _ name: String, in folder: TemporaryFolder
  ) throws -> String {
    let directory = folder("\(name)/bin")
    for path in [folder(name), directory] { mkdir(path, 0o755) }
    let script = """
      #!/bin/sh
      echo x >> \(directory)/asked
      echo "postgres (PostgreSQL) \(version) (Debian)"

      """
    try Self.makeProgram(script, "\(directory)/postgres", folder)
    return directory
  }

  /// Another process writes the program: what this one has open for writing, programs that other
  /// tests start at that moment may have open too, and what is open so cannot be run.
  private static func makeProgram(
    _ text: String, _ path: String, _ folder: TemporaryFolder
  ) throws {
    let script = try folder.write("script", Array(text.utf8))
    try Program("install").check(["-m", "755", script, path])
  }

  /// Tests own the files that they make.
  private static let trusted: Set<UInt32> = [0, getuid()]

  private static func directories(
    _ folder: TemporaryFolder, given: [String] = []
  ) -> ProgramDirectories {
    ProgramDirectories(given: given, usual: folder.path, trustedUsers: trusted)
  }

  @Test func `each version is found, asked once, and the given directory goes first`() throws {
    let folder = try TemporaryFolder()
    try Self.makeServer("15.18", "15", in: folder)
    let newer = try Self.makeServer("17.2", "17", in: folder)
    let given = try Self.makeServer("15.99", "given", in: folder)
    let directories = Self.directories(folder, given: [given])
    for _ in 0..<3 {
      #expect(try directories.programs(of: MajorVersion(15)).version == "15.99")
      let programs = try directories.programs(of: MajorVersion(17))
      #expect(programs.version == "17.2")
      #expect(programs.path(of: "initdb") == "\(newer)/initdb")
    }
    #expect(try directories.all().map(\.version) == ["15.99", "17.2"])
    #expect(try TemporaryFolder.bytes(of: "\(newer)/asked").count == 2)

    // Another file in its place is another version.
    unlink("\(newer)/postgres")
    try Self.makeServer("17.5", "17", in: folder)
    #expect(try directories.programs(of: MajorVersion(17)).version == "17.5")
  }

  @Test func `a version without programs is not found, with the package and what is there`() throws
  {
    let folder = try TemporaryFolder()
    try Self.makeServer("15.18", "15", in: folder)
    let error = #expect(throws: StoreError.self) {
      try Self.directories(folder).programs(of: MajorVersion(16))
    }
    #expect(error?.kind == .notFound)
    #expect(error?.message == "no programs of PostgreSQL 16 are installed here")
    let remedy = error.map { "\($0.remedy)" } ?? ""
    #expect(remedy.contains("Debian package postgresql-16"))
    #expect(remedy.contains("--pg-programs; installed are those of 15"))
    let none = #expect(throws: StoreError.self) {
      try ProgramDirectories(usual: "/nowhere").programs(of: MajorVersion(16))
    }
    #expect(none.map { "\($0.remedy)" }?.contains("installed are") == false)
  }

  @Test func `programs that others could replace are denied`() throws {
    let folder = try TemporaryFolder()
    let directory = try Self.makeServer("15.18", "15", in: folder)
    try folder.write("15/bin/pg_controldata", [])
    let program = "\(directory)/postgres"
    for (path, usual) in [
      (program, 0o755), (directory, 0o755), (folder("15"), 0o755),
      ("\(directory)/pg_controldata", 0o644),
    ] as [(String, mode_t)] {
      for bit: mode_t in [0o020, 0o002] {
        chmod(path, usual | bit)
        let error = #expect(throws: StoreError.self) {
          try Self.directories(folder).programs(of: MajorVersion(15))
        }
        #expect(error?.kind == .denied)
        #expect(error?.object == path)
        #expect(error?.message.hasPrefix("others, who may write here") == true)
        // Nobody asked for it by name: it counts as not there.
        #expect(try Self.directories(folder).all().isEmpty)
        #expect(throws: StoreError.self) {
          try Self.directories(folder, given: [directory]).all()
        }
      }
      chmod(path, usual)
    }
    // The sticky bit protects what is in a directory, but not the place of programs.
    chmod(folder("15"), 0o1777)
    #expect(try Self.directories(folder).programs(of: MajorVersion(15)).version == "15.18")
    chmod(directory, 0o1777)
    #expect(throws: StoreError.self) {
      try Self.directories(folder).programs(of: MajorVersion(15))
    }
  }

  @Test(.enabled(if: getuid() == 0)) func `programs of another user are denied`() throws {
    let folder = try TemporaryFolder()
    let directory = try Self.makeServer("15.18", "15", in: folder)
    for path in ["\(directory)/postgres", directory, folder("15")] {
      chown(path, 1234, 0)
      let error = #expect(throws: StoreError.self) {
        try Self.directories(folder).programs(of: MajorVersion(15))
      }
      #expect(error?.kind == .denied)
      #expect(error?.object == path)
      #expect(error?.message.hasPrefix("user 1234, who owns this") == true)
      chown(path, 0, 0)
    }
  }

  @Test func `a link is what it leads to`() throws {
    let folder = try TemporaryFolder()
    let other = try TemporaryFolder()
    let directory = try Self.makeServer("18.1", "x", in: other)
    symlink(other("x"), folder("18"))
    #expect(try Self.directories(folder).programs(of: MajorVersion(18)).directory == directory)
    chmod(directory, 0o777)
    #expect(throws: StoreError.self) {
      try Self.directories(folder).programs(of: MajorVersion(18))
    }
  }

  @Test func `a given directory without a server is refused`() throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: StoreError.self) {
      try Self.directories(folder, given: [folder.path]).programs(of: MajorVersion(15))
    }
    #expect(missing?.kind == .invalid)
    #expect(missing?.message == "the directory has no program postgres")
    let directory = try Self.makeServer("15", "other", in: folder)
    try Self.makeProgram("#!/bin/sh\necho mysqld 8\n", "\(directory)/postgres", folder)
    let other = #expect(throws: StoreError.self) {
      try Self.directories(folder, given: [directory]).programs(of: MajorVersion(15))
    }
    #expect(other?.kind == .invalid)
    try Self.makeProgram("no program", "\(directory)/postgres", folder)
    let broken = #expect(throws: StoreError.self) {
      try Self.directories(folder, given: [directory]).programs(of: MajorVersion(15))
    }
    #expect(broken?.kind == .unavailable)
    #expect(broken?.cause?.contains("posix_spawn") == true)
  }

  @Test(arguments: [
    ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", 15, "15.18"),
    ("postgres (PostgreSQL) 19devel\n", 19, "19devel"),
    ("postgres (PostgreSQL) 9.6.24", 9, "9.6.24"),
  ])
  func `an answer tells the version`(answer: String, major: Int, version: String) {
    let programs = ServerPrograms(answer: answer, directory: "/x")
    #expect(programs?.major == MajorVersion(major))
    #expect(programs?.version == version)
  }

  @Test(arguments: ["", "postgres (PostgreSQL) ", "postgres (PostgreSQL) x", "psql (PostgreSQL) 1"])
  func `another answer is none`(answer: String) {
    #expect(ServerPrograms(answer: answer, directory: "/x") == nil)
  }
}

/// The programs of Debian 12. Where they are missing tests of them are skipped; in CI they fail.
private enum DistributionPrograms {
  static var areThere: Bool {
    getenv("CI") != nil || access("\(ProgramDirectories.usualPlace)/15/bin/postgres", X_OK) == 0
  }
}

/// What the installed programs say of settings.
@Suite(.enabled(if: DistributionPrograms.areThere))
struct ServerProgramsTests {
  @Test func `the distribution's programs are found, with their settings`() throws {
    let programs = try ProgramDirectories().programs(of: MajorVersion(15))
    let names = try programs.settingNames()
    #expect(names.isSuperset(of: ["work_mem", "archive_library", "DateStyle"]))
    #expect(!names.contains("allow_alter_system"))
    #expect(names.count > 300)
  }

  @Test func `a value that the server does not take is told before it is used`() throws {
    let programs = try ProgramDirectories().programs(of: MajorVersion(15))
    let folder = try TemporaryFolder()
    let path = try folder.write("good.conf", Array("work_mem = '4MB'\na.b = 'c'\n".utf8))
    try programs.verify(configuration: path, in: folder.path)
    let wrong = try folder.write("wrong.conf", Array("work_mem = 'much'\n".utf8))
    let error = #expect(throws: StoreError.self) {
      try programs.verify(configuration: wrong, in: folder.path)
    }
    #expect(error?.kind == .invalid)
    #expect(error?.message == "invalid value for parameter \"work_mem\": \"much\"")
  }
}
