internal import ArgumentParser
internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppicePlatform
internal import CoppiceServer

/// How a server may run PostgreSQL on branches.
struct InstanceArguments: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("Ports of PostgreSQL on branches.", valueName: "first-last"))
  var pgPorts = PortRange(ports: 6000...6999)

  @Option(
    name: .long,
    help: ArgumentHelp(
      "User numbers for them, a range that nobody else has. Default: those that /etc/subuid gives.",
      valueName: "first-last"))
  var pgUsers: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A directory with programs of PostgreSQL; may come often.", valueName: "directory"))
  var pgPrograms: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What they are given at most: full, user or none.", valueName: "isolation"))
  var pgIsolation = Isolation.full

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The address of their ports; others than this machine reach one only by TLS.",
      valueName: "address"))
  var pgAddress = "127.0.0.1"

  @Option(
    name: .long, help: ArgumentHelp("What clients reach this machine by.", valueName: "name"))
  var pgHost: String?

  @Option(name: .long, help: ArgumentHelp("A certificate for TLS, in PEM.", valueName: "file"))
  var tlsCertificate: String?

  @Option(name: .long, help: ArgumentHelp("Its private key.", valueName: "file"))
  var tlsKey: String?

  func validate() throws {
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key go together")
    }
  }

  func options() throws(StoreError) -> InstanceOptions {
    let program: String
    do throws(SystemError) { program = try HostProcess.executablePath() } catch {
      throw StoreError(error, while: "finding the own program")
    }
    var options = InstanceOptions(program: program)
    options.ports = pgPorts.ports
    options.users = try pgUsers.map { text throws(StoreError) in try UserRange(text) }
    options.programDirectories = pgPrograms.map(HostPath.absolute)
    options.isolationMax = pgIsolation
    options.address = pgAddress
    options.host = pgHost
    if let tlsCertificate, let tlsKey {
      options.tls = TLSFiles(
        certificateFile: HostPath.absolute(tlsCertificate),
        keyFile: HostPath.absolute(tlsKey))
    }
    return options
  }

  /// Whether any of them was written.
  var areGiven: Bool {
    HostProcess.arguments.contains { $0.hasPrefix("--pg-") || $0.hasPrefix("--tls-") }
  }

  /// The same, for a server that is started with them.
  var words: [String] {
    var words = ["--pg-ports", pgPorts.defaultValueDescription]
    words += ["--pg-isolation", pgIsolation.rawValue, "--pg-address", pgAddress]
    for (name, value) in [("--pg-users", pgUsers), ("--pg-host", pgHost)] {
      if let value { words += [name, value] }
    }
    for directory in pgPrograms { words += ["--pg-programs", HostPath.absolute(directory)] }
    for (name, file) in [("--tls-certificate", tlsCertificate), ("--tls-key", tlsKey)] {
      if let file { words += [name, HostPath.absolute(file)] }
    }
    return words
  }
}

/// `6000-6999`.
struct PortRange: ExpressibleByArgument {
  var ports: ClosedRange<Int>

  init(ports: ClosedRange<Int>) { self.ports = ports }

  init?(argument: String) {
    let ends = argument.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, first > 0,
      last <= 65_535
    else { return nil }
    ports = first...last
  }

  var defaultValueDescription: String { "\(ports.lowerBound)-\(ports.upperBound)" }
}

extension Isolation: ExpressibleByArgument {}
