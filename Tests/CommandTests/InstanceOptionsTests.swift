import Glibc
import TestSupport
import Testing

/// What a server is told about PostgreSQL on branches, and cannot be.
@Suite(.enabled(if: MountRequirement.isMet, "needs root and /dev/fuse"))
struct InstanceOptionsTests {
  private let coppice: CoppiceCommand

  init() throws {
    coppice = try CoppiceCommand()
    try coppice.script(
      """
      mkdir mnt open none; : > empty.pem
      printf '#!/bin/sh\\necho "postgres (PostgreSQL) 15.1"\\n' > open/postgres
      chmod 755 open/postgres; chmod 777 open
      for name in one two; do
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=$name -days 2 \\
          -keyout $name.key -out $name.pem 2> /dev/null
      done
      """)
  }

  private func refuse(
    _ words: [String], _ status: Int32 = 64, saying text: String,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    for start in [
      ["serve", "--mount", "mnt"], ["mount", "mnt"], ["mount", "mnt", "--foreground"],
    ] {
      let program = Program(
        "timeout", environment: coppice.program.environment)
      let result = try program.run(
        ["20", coppice.program.path] + start + words, in: coppice.folder.path, input: "/dev/null")
      #expect(result.status == status, "\(start): \(result.errors)", sourceLocation: location)
      #expect(result.errors.contains(text), "\(result.errors)", sourceLocation: location)
      #expect(try coppice.json("status")["isRunning"] as? Bool == false, sourceLocation: location)
      _ = try coppice("stop")
    }
    #expect(try coppice.script("stat -c %T -f mnt").text != "fuseblk\n", sourceLocation: location)
  }

  @Test func `a certificate that cannot be used is refused before anything is mounted`() throws {
    func tls(_ certificate: String, _ key: String) -> [String] {
      ["--tls-certificate", certificate, "--tls-key", key]
    }
    try refuse(tls("missing.pem", "one.key"), 3, saying: "does not exist")
    try refuse(tls("one.pem", "missing.key"), 3, saying: "does not exist")
    try refuse(tls("empty.pem", "one.key"), saying: "no certificate in PEM")
    try refuse(tls("one.pem", "two.key"), saying: "is not the key of the certificate")
  }

  @Test func `an address or a name that cannot be is refused before anything is mounted`() throws {
    try refuse(["--pg-address", "banana"], saying: "is no IP address")
    try refuse(["--pg-address", "0.0.0.0"], saying: "no certificate for TLS")
    try refuse(
      ["--pg-address", "192.0.2.1", "--tls-certificate", "one.pem", "--tls-key", "one.key"],
      saying: "is no address of this machine")
    for host in ["a b", "", "a,b", "a/b", "[::1]", "a:5"] {
      try refuse(["--pg-host", host], saying: "is no name of a machine")
    }
  }

  @Test func `programs that may not be started are refused before anything is mounted`() throws {
    try refuse(["--pg-programs", "nowhere"], saying: "has no program postgres")
    try refuse(["--pg-programs", "none"], saying: "has no program postgres")
    try refuse(["--pg-programs", "open"], 6, saying: "could replace programs")
  }

  @Test func `what the machine lacks keeps nobody from serving`() throws {
    for host in ["db.example", "2001:db8::1", "10.0.0.1"] {
      try coppice.check("mount", "mnt", "--pg-host", host, "--pg-address", "127.0.0.2")
      try coppice.check("stop")
    }
  }

  @Test func `what a server that runs does not take over is told`() throws {
    let server = try ServingCoppice(coppice)
    defer { _ = try? server.end(SIGTERM) }
    let plain = try coppice.check("mount", "mnt").text
    try coppice.script("umount mnt")
    let told = try coppice.check("mount", "mnt", "--pg-host", "db.example").text
    #expect(
      !plain.contains("--pg") && told.contains("takes no --pg or --tls options over"), "\(told)")
    try coppice.script("umount mnt")
  }
}
