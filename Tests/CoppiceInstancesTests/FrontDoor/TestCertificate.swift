import CoppiceInstances
import TestSupport

/// A certificate that signs itself, made by openssl, of localhost and 127.0.0.1.
struct TestCertificate {
  static var isPossible: Bool { Program("openssl").isInstalled }

  let folder: TemporaryFolder
  let files: TLSFiles

  /// Valid for two days.
  init(_ name: String) throws {
    folder = try TemporaryFolder()
    files = TLSFiles(certificateFile: folder("\(name).pem"), keyFile: folder("\(name).key"))
    try Program("openssl").check([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days",
      "2", "-keyout", files.keyFile, "-out", files.certificateFile,
    ])
  }

  var certificate: [UInt8] { get throws { try TemporaryFolder.bytes(of: files.certificateFile) } }
  var key: [UInt8] { get throws { try TemporaryFolder.bytes(of: files.keyFile) } }
}
