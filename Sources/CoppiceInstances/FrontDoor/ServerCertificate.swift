internal import CoppiceErrors
internal import CoppicePlatform
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// What a server shows of itself by TLS: a certificate and its key, read anew when a file changed.
///
/// Programs that renew certificates replace two files one after the other. Between the two nothing
/// fits, so the old pair stays until there is a new one. All methods wait for files.
final class ServerCertificate: Sendable {
  /// What clients that begin with TLS must say by ALPN (PostgreSQL 17).
  static let applicationProtocol = "postgresql"
  private static let fileByteCountMax = 1 << 20
  /// For a client to answer the end of TLS.
  private static let shutdownTimeoutSeconds: Int64 = 1

  /// Tells whether a file is still the one that was read.
  private struct Stamp: Hashable {
    var identity: FileUser.Identity
    var byteCount: UInt64
    var modified: Int64
    var changed: Int64

    init(_ path: String) throws(SystemError) {
      let status = try HostFile(locating: path).status()
      identity = status.identity
      byteCount = status.byteCount
      modified = status.modified
      changed = status.changed
    }
  }

  private struct Loaded {
    var stamp: [Stamp]
    var context: NIOSSLContext
    /// Seconds since 1970-01-01 UTC.
    var validAfter: Int
    var validBefore: Int
  }

  private struct State {
    var loaded: Loaded
    /// What was told last, so that it is told once: of the files, and of the times.
    var toldFailure: String?
    var toldValidity: String?
  }

  private let files: TLSFiles
  private let logger: Logger
  private let clock: any StoreClock
  private let state: Mutex<State>

  /// Throws `notFound`, `denied`, and `invalid` for files that are no certificate and its key. One
  /// that has ended is taken, and told to the log: clients that verify it say so too.
  init(
    _ files: TLSFiles, logger: Logger, clock: any StoreClock
  ) throws(StoreError) {
    self.files = files
    self.logger = logger
    self.clock = clock
    state = Mutex(State(loaded: try Self.load(files)))
    tellIfInvalid()
  }

  /// For a handshake that begins now.
  func context() -> NIOSSLContext {
    let context = state.withLock { state in
      if state.loaded.stamp != Self.stamp(of: files) { reload(&state) }
      return state.loaded.context
    }
    tellIfInvalid()
    return context
  }

  private func reload(_ state: inout State) {
    do throws(StoreError) {
      state.loaded = try Self.load(files)
      state.toldFailure = nil
      logger.info("read the certificate anew", metadata: ["file": "\(files.certificateFile)"])
    } catch {
      let text = "the certificate changed and cannot be used, the old one stays: \(error)"
      guard state.toldFailure != text else { return }
      state.toldFailure = text
      logger.warning("\(text)")
    }
  }

  private func tellIfInvalid() {
    let now = Int(clock.wallNanoseconds() / 1_000_000_000)
    let text: String? = state.withLock { state in
      let loaded = state.loaded
      guard now > loaded.validBefore || now < loaded.validAfter else {
        state.toldValidity = nil
        return nil
      }
      let text =
        "the certificate \(files.certificateFile) "
        + (now < loaded.validAfter ? "is not valid yet" : "has expired")
        + ": clients that verify it refuse it"
      guard state.toldValidity != text else { return nil }
      state.toldValidity = text
      return text
    }
    if let text { logger.warning("\(text)") }
  }

  /// What the files are now; empty when that cannot be told.
  private static func stamp(of files: TLSFiles) -> [Stamp] {
    do throws(SystemError) {
      return [try Stamp(files.certificateFile), try Stamp(files.keyFile)]
    } catch {
      return []
    }
  }

  private static func load(_ files: TLSFiles) throws(StoreError) -> Loaded {
    // Before they are read: what changes meanwhile is read again next time.
    let stamp = stamp(of: files)
    let chain = try certificates(files.certificateFile)
    let key = try privateKey(files.keyFile)
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = [applicationProtocol]
    configuration.shutdownTimeout = .seconds(shutdownTimeoutSeconds)
    do {
      return Loaded(
        stamp: stamp, context: try NIOSSLContext(configuration: configuration),
        validAfter: chain[0].notValidBefore, validBefore: chain[0].notValidAfter)
    } catch {
      throw StoreError(
        .invalid, "is not the key of the certificate \(files.certificateFile)",
        object: files.keyFile,
        remedy: "give the two that were made together; the server's own certificate comes first",
        cause: "\(error)")
    }
  }

  private static func certificates(_ file: String) throws(StoreError) -> [NIOSSLCertificate] {
    let bytes = try read(file)
    do {
      let chain = try NIOSSLCertificate.fromPEMBytes(bytes)
      if !chain.isEmpty { return chain }
      throw NIOSSLError.failedToLoadCertificate
    } catch {
      throw StoreError(
        .invalid, "is no certificate in PEM", object: file,
        remedy: "it begins with -----BEGIN CERTIFICATE-----", cause: "\(error)")
    }
  }

  private static func privateKey(_ file: String) throws(StoreError) -> NIOSSLPrivateKey {
    let bytes = try read(file)
    // The error has nothing of what was read.
    do { return try NIOSSLPrivateKey(bytes: bytes, format: .pem) } catch {
      throw StoreError(
        .invalid, "is no private key in PEM, or has a passphrase", object: file,
        remedy: "take a passphrase away with `openssl pkey`", cause: "\(error)")
    }
  }

  private static func read(_ path: String) throws(StoreError) -> [UInt8] {
    do throws(SystemError) {
      // A pipe or a directory is not opened for its content.
      let status = try HostFile(locating: path).status()
      if status.kind == .regular, status.byteCount <= UInt64(fileByteCountMax) {
        var bytes = [UInt8](repeating: 0, count: Int(status.byteCount))
        let file = try HostFile(reading: path)
        let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
          try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        return Array(bytes[..<count])
      }
    } catch {
      let (kind, message): (StoreError.Kind, String) =
        if error.isMissing {
          (.notFound, "does not exist")
        } else if error.isDenied {
          (.denied, "the server's user may not read it")
        } else {
          (.unavailable, "cannot be read")
        }
      throw StoreError(
        kind, message, object: path,
        remedy: "give files in PEM that the server's user can read", cause: error.description)
    }
    throw StoreError(
      .invalid, "is no file of at most \(fileByteCountMax) bytes", object: path,
      remedy: "give a certificate and a key in PEM")
  }
}
