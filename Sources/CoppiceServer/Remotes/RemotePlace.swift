internal import Coppice
internal import CoppicePlatform
internal import CoppicePools
internal import CoppiceS3

/// Where a pool lies, how its object store is asked, and where its key is: all that is needed to
/// read it. It never has a key or credentials itself.
package struct RemotePlace: Hashable, Sendable, Codable {
  /// `s3://BUCKET/PREFIX`.
  package var url: String
  /// Of the object store; AWS in the region without.
  package var endpoint: String?
  package var region: String?
  /// The bucket stands in the path of URLs, whatever the endpoint.
  package var pathStyle: Bool
  /// `env`, or the path of a file.
  package var credentials: String
  /// A PEM file of certificates to trust instead of the system's.
  package var certificateFile: String?
  /// The path of a file that has the key.
  package var keyFile: String?
  /// A command that prints it.
  package var keyCommand: String?

  package init(
    url: String, endpoint: String? = nil, region: String? = nil, pathStyle: Bool = false,
    credentials: String = environment, certificateFile: String? = nil, keyFile: String? = nil,
    keyCommand: String? = nil
  ) {
    self.url = url
    self.endpoint = endpoint
    self.region = region
    self.pathStyle = pathStyle
    self.credentials = credentials
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.keyCommand = keyCommand
  }

  /// The credentials are those of the environment.
  package static let environment = "env"
  /// What other programs call those that a machine in a cloud is given.
  private static let instance = "instance"
  private static let regionStandard = "us-east-1"
  /// An object store that does not answer is given up early as long as it never has.
  private static let repeatCountAtFirst = 3

  /// How the object store is asked. Throws `invalid` for what cannot be meant, and says what to
  /// write.
  func settings() throws(StoreError) -> S3Settings {
    let location = try location()
    let region = region ?? Self.regionStandard
    let address = try Self.checked(endpoint ?? region, "write https://HOST or https://HOST:PORT") {
      () throws(ObjectStoreError) in
      if let endpoint { try S3Endpoint(endpoint) } else { try S3Endpoint(region: region) }
    }
    guard credentials != Self.instance, !credentials.isEmpty else {
      throw StoreError(
        .invalid, "credentials come from the environment or from a file",
        object: "credentials \(credentials)",
        remedy: "write \(Self.environment), or the path of a file")
    }
    var settings = S3Settings(
      location, endpoint: address, region: region, usesPathStyle: pathStyle ? true : nil,
      credentials: credentials == Self.environment ? .environment : .file(credentials))
    settings.certificateFile = certificateFile
    settings.limits.repeatCountAtFirst = Self.repeatCountAtFirst
    return settings
  }

  private func location() throws(StoreError) -> S3Location {
    let remedy: Remedy = "write s3://BUCKET/PREFIX"
    let location = try Self.checked(url, remedy) { () throws(ObjectStoreError) in
      try S3Location(url)
    }
    guard !location.prefix.isEmpty else {
      throw StoreError(
        .invalid, "a pool has a prefix of its own in the bucket", object: url, remedy: remedy)
    }
    return location
  }

  private static func checked<Value>(
    _ object: String, _ remedy: Remedy, _ body: () throws(ObjectStoreError) -> Value
  ) throws(StoreError) -> Value {
    do throws(ObjectStoreError) { return try body() } catch {
      throw StoreError(.invalid, error.message, object: object, remedy: remedy)
    }
  }

  /// The pool's key, read now.
  ///
  /// - Parameter store: the directory that it must not lie in; `nil` where there is no store yet.
  ///
  /// Throws `notFound`, `denied` for a file that others can read, `invalid` for one in the store
  /// and for what is no key; `unavailable` for a command that fails.
  func key(outsideOf store: String?) throws(StoreError) -> OuterKey {
    try checkFiles()
    if let keyFile { return try KeyFile.read(keyFile, outsideOf: store) }
    return try KeyCommand.key(keyCommand ?? "")
  }

  /// Throws `invalid` unless there is one way to the key, `notFound` for certificates that are not
  /// there.
  func checkFiles() throws(StoreError) {
    guard (keyFile == nil) != (keyCommand == nil), keyFile != "", keyCommand != "" else {
      throw StoreError(
        .invalid, "a pool's key is in a file, or a command prints it", object: url,
        remedy: "give --key-file FILE or --key-command COMMAND")
    }
    guard let certificateFile else { return }
    do throws(SystemError) { _ = try HostFile(reading: certificateFile) } catch {
      throw StoreError(
        error.isMissing ? .notFound : .invalid, "is no file with certificates",
        object: certificateFile, remedy: "name a PEM file", cause: "\(error)")
    }
  }
}
