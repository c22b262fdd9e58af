import CoppicePostgreSQL
import TestSupport
import Testing

/// The table against the programs of each installed version.
@Suite(.enabled(if: InstalledServer.isThere))
struct SettingTableTests {
  /// Whether the server knows a setting: it is asked for its value.
  private static func knows(_ name: String, _ server: InstalledServer) throws -> Bool {
    let folder = try TemporaryFolder()
    let file = try folder.write("empty.conf", [])
    let result = try Program("\(server.programs)/postgres").run(
      ["-C", name, "-D", folder.path, "-c", "config_file=\(file)"])
    #expect(result.status == 0 || result.errors.contains("unrecognized configuration parameter"))
    return result.status == 0
  }

  @Test(arguments: InstalledServer.all)
  func `each setting that some versions lack is where the table says`(
    _ server: InstalledServer
  ) throws {
    for name in SettingTable.majors.keys {
      let isThere = try Self.knows(name, server)
      #expect(isThere == SettingTable.has(name, server.major), "\(name)")
    }
  }

  @Test(arguments: InstalledServer.all)
  func `settings for developers are where the table says, and are not told`(
    _ server: InstalledServer
  ) throws {
    let names = try server.settingNames()
    for (name, majors) in SettingTable.unlisted {
      let isThere = try Self.knows(name, server)
      #expect(isThere == majors.contains(server.major.number), "\(name)")
      #expect(!names.contains(name))
    }
  }

  @Test(arguments: InstalledServer.all)
  func `every setting that is used is there, with a value that the server takes`(
    _ server: InstalledServer
  ) throws {
    let folder = try TemporaryFolder()
    for isMore in [false, true] {
      var configuration = InstanceConfiguration(
        major: server.major,
        control: try ControlFile(SampleControlFile(version: 1300).bytes, of: MajorVersion(15)),
        files: InstanceConfiguration.Files(
          data: folder.path, sockets: "\(folder.path)/a, \"b\"",
          configuration: folder("instance.conf"), hba: folder("hba.conf"),
          ident: folder("ident.conf")),
        port: 6001, clusterName: "pr-42 é")
      if isMore {
        configuration.isShortLived = true
        configuration.wantsReplication = true
        configuration.temporaryFileByteCountMax = .max
        configuration.preloads = try PreloadedLibraries(origin: "timescaledb")
      }
      try folder.write("instance.conf", configuration.file.utf8)
      let result = try Program("\(server.programs)/postgres").run(
        ["-C", "unix_socket_directories"] + configuration.arguments)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.text == "\"\(folder.path)/a, \"\"b\"\"\"\n")
      let names = configuration.fences.map(\.name)
      #expect(Set(names).count == names.count)
    }
  }
}
