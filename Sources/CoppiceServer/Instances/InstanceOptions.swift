internal import Coppice
package import CoppiceInstances
internal import CoppicePlatform
internal import Logging

/// How a server may run instances.
package struct InstanceOptions: Sendable {
  /// Where their ports are unless somebody says otherwise: nobody but this machine reaches it.
  static let addressUsual = "127.0.0.1"

  /// The program that is the launcher too: `coppice`.
  package var program: String
  package var ports = 6000...6999
  /// User numbers of instances; those that the machine gives the store's user without.
  package var users: UserRange?
  /// Directories with programs, besides the distribution's.
  package var programDirectories: [String] = []
  /// Instances are given no more than that.
  package var isolationMax = Isolation.full
  /// An address of this machine, where their ports are.
  package var address = addressUsual
  /// What clients reach this machine by; the address without.
  package var host: String?
  /// Files with certificate and key.
  package var tls: TLSFiles?

  package init(program: String) { self.program = program }

  /// Verifies what somebody chose, so that it is not the first instance that finds it wrong. What
  /// the machine has, PostgreSQL or numbers for users, is not looked at: a server serves without.
  ///
  /// Throws `invalid`, `notFound` and `denied` for files, directories and addresses that cannot be
  /// used, `conflict` for user numbers that are somebody's.
  func verify(logger: Logger) throws(StoreError) {
    if let host { try FrontDoor.verify(host: host) }
    if HostProcess.user == 0 { try users?.checkIsFree() }
    try programs.verifyGiven()
    let door = try FrontDoor(doorOptions(logger))
    guard address != Self.addressUsual else { return }
    defer { door.shutDown() }
    _ = try door.open(0, port: 0, in: ports, avoiding: []) { .unavailable(message: "") }
  }

  /// The programs that may be started.
  var programs: ProgramDirectories {
    ProgramDirectories(
      given: programDirectories,
      trustedUsers: HostProcess.user == 0 ? [0] : [0, HostProcess.user])
  }

  func doorOptions(_ logger: Logger) -> FrontDoor.Options {
    var options = FrontDoor.Options(logger: logger)
    options.address = address
    options.tls = tls
    return options
  }
}
