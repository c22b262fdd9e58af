internal import ArgumentParser
internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

/// How the object store of a pool is asked, and where the pool's key is.
struct RemoteArguments: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A file that has the pool's key, outside of the store and for its user alone.",
      valueName: "file"))
  var keyFile: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "In its place: a command for /bin/sh that prints what a key file has.", valueName: "command"))
  var keyCommand: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The object store's address, https://HOST[:PORT]. Default: that of AWS in the region.",
      valueName: "url"))
  var endpoint: String?

  @Option(name: .long, help: "What requests are signed for. Default: us-east-1.")
  var region: String?

  @Flag(name: .long, help: "Name the bucket in the path of URLs, whatever the endpoint.")
  var pathStyle = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      env: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where a server runs those of its \
      environment; or a file in the form of ~/.aws/credentials.
      """, valueName: "env|file"))
  var credentials = RemotePlace.environment

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A PEM file of certificates to trust instead of the system's.", valueName: "file"))
  var caFile: String?

  func validate() throws {
    guard (keyFile == nil) != (keyCommand == nil) else {
      throw ValidationError("write --key-file or --key-command, one of them")
    }
  }

  /// With paths that lead to the same from any directory.
  func place(_ url: String) -> RemotePlace {
    RemotePlace(
      url: url, endpoint: endpoint, region: region, pathStyle: pathStyle,
      credentials: ["env", "instance", ""].contains(credentials)
        ? credentials : HostPath.absolute(credentials),
      certificateFile: caFile.map(HostPath.absolute),
      keyFile: keyFile.map { $0.isEmpty ? $0 : HostPath.absolute($0) }, keyCommand: keyCommand)
  }
}
