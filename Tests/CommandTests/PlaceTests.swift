import Glibc
import TestSupport
import Testing

/// How errors name files: as the user did.
@Suite struct PlaceTests {
  /// A branch with a file and a directory, with and without a server.
  private func both(_ body: (CoppiceCommand) throws -> Void) throws {
    for isServed in [false, true] {
      let coppice = try CoppiceCommand()
      let server = isServed ? try ServingCoppice(coppice) : nil
      try coppice.check("branch", "create", "main")
      try coppice.folder.write("in", "content".utf8)
      try coppice.check("put", "main:file", input: coppice.folder("in"))
      try coppice.check("put", "main:directory/inner", input: coppice.folder("in"))
      try body(coppice)
      if let server { #expect(try server.end(SIGTERM).status == 0) }
    }
  }

  @Test func `an error about a file of a branch names both`() throws {
    try both { coppice in
      let failures: [([String], object: String, status: Int32)] = [
        (["cat", "main:file", "main:none"], "main:none", 3),
        (["cat", "main:directory"], "main:directory", 64),
        (["cat", "main:file/x"], "main:file/x", 64),
        (["rm", "main:none"], "main:none", 3),
        (["rm", "main:directory/none"], "main:directory/none", 3),
        (["rm", "main:directory"], "main:directory", 64),
        (["ls", "main:none"], "main:none", 3),
        (["ls", "main:file/x"], "main:file/x", 64),
        (["export", "main:none", "out"], "main:none", 3),
        (["export", "main:file/x", "out"], "main:file/x", 64),
        (["put", "main:file/x"], "main:file/x", 64),
        (["put", "main:file/x/y"], "main:file/x/y", 64),
        (["put", "main:directory"], "main:directory", 64),
        (["put", "main:file/x", "--zeros", "9"], "main:file/x", 64),
      ]
      for (words, object, status) in failures {
        let result = try coppice.program.run(words, in: coppice.folder.path, input: "/dev/null")
        #expect(result.status == status, "\(words): \(result.errors)")
        #expect(result.errors.contains(" \(object): "), "\(words): \(result.errors)")
      }
    }
  }

  @Test func `an error about a device or pipe names it as the user did`() throws {
    try both { coppice in
      for more in [[], ["--tar"]] {
        let words = ["export", "main:file", "/dev/full"] + more
        let result = try coppice.program.run(words, in: coppice.folder.path)
        #expect(result.status == 7)
        #expect(result.errors.contains("/dev/full"), "\(result.errors)")
        #expect(!result.errors.contains("/dev/fd"), "\(result.errors)")
      }
      let source = try coppice("import", "--tar", "-", "other", input: coppice.folder("in"))
      #expect(source.status != 0 && !source.errors.contains("/dev/fd"), "\(source.errors)")
      let output = try coppice.program.run(["cat", "main:file"], output: "/dev/full")
      #expect(output.status == 7 && output.errors.contains("standard output"), "\(output.errors)")
      #expect(!output.errors.contains("/dev/fd"), "\(output.errors)")
    }
  }
}
