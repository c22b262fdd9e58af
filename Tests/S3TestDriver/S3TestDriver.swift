internal import Glibc
internal import S3TestServer

/// An object store in memory that speaks S3, for scripts: prints `ready PORT`, and serves on
/// loopback until its standard input ends.
///
///     S3TestDriver
@main
struct S3TestDriver {
  static func main() throws {
    let server = try S3TestServer()
    print("ready \(server.port)")
    fflush(nil)
    while getchar() != EOF {}
    // It would end as soon as nothing needs it.
    withExtendedLifetime(server) {}
  }
}
