internal import CoppiceInstances
internal import Glibc
internal import Logging

/// Opens doors before one server, prints their ports, a line each, and then `ready`, and serves
/// until it is killed.
///
///     FrontDoorDriver SOCKET LOGIN COUNT [CERTIFICATE KEY]
@main
struct FrontDoorDriver {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4 || arguments.count == 6, let count = UInt64(arguments[3]) else {
      print("usage: FrontDoorDriver SOCKET LOGIN COUNT [CERTIFICATE KEY]")
      exit(64)
    }
    var options = FrontDoor.Options(logger: Logger(label: "door"))
    if arguments.count == 6 {
      options.tls = TLSFiles(certificateFile: arguments[4], keyFile: arguments[5])
    }
    let frontDoor = try FrontDoor(options)
    let (socket, login) = (arguments[1], arguments[2])
    for id in 0..<count {
      print(
        try frontDoor.open(id, port: 0, in: 1...1, avoiding: []) {
          .server(socketPath: socket, login: login, allowsReplication: false)
        })
    }
    print("ready")
    fflush(nil)
    while true { pause() }
  }
}
