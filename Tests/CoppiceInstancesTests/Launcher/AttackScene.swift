import CoppiceInstances
import Glibc
import TestSupport

/// A machine with two branches, of which one's superuser attacks: a victim's server, a store, and
/// doors of the machine.
final class AttackScene {
  let fixture: InstanceFixture
  let attacker: InstanceFixture.Branch
  let victim: InstanceFixture.Branch
  let attackerServer: RunningServer
  let victimServer: RunningServer
  /// By TCP on the loopback address.
  let door: Listener
  /// By a name that lies in no directory.
  let abstractDoor: Listener
  /// Of the store, for its user alone.
  let control: Listener

  init(_ isolation: Isolation) throws {
    fixture = try InstanceFixture()
    try Program("mkdir").check(["-m", "700", fixture.folder("store")])
    try fixture.folder.write("store/secret", "secret".utf8)
    control = try Listener(path: fixture.folder("store/control.sock"))
    door = try Listener()
    abstractDoor = try Listener(path: "\0\(fixture.folder.path)")
    attacker = try fixture.makeBranch("attacker")
    victim = try fixture.makeBranch("victim")
    for branch in [attacker, victim] {
      try fixture.folder.write("runs/\(branch.path.split(separator: "/").last!)/settings/f", [])
    }
    attackerServer = try fixture.start(attacker, isolation)
    victimServer = try fixture.start(victim, isolation)
  }

  var storePath: String { fixture.folder("store") }

  /// What a shell of the attacker prints.
  func shell(_ script: String) throws -> String { try attackerServer.shell(script) }

  /// What a program in Perl prints: system calls by their numbers, sockets of any family.
  func perl(_ script: String) throws -> String {
    try shell(
      "cat > /tmp/attack.pl <<'END'\n\(script)\nEND\nperl /tmp/attack.pl; rm /tmp/attack.pl")
  }

  func connectToAbstractDoor() throws -> String {
    try perl(
      """
      use Socket;
      socket(S, AF_UNIX, SOCK_STREAM, 0) or die;
      my $name = pack_sockaddr_un("\\0\(abstractDoor.name.dropFirst())");
      print connect(S, $name) ? "connected" : "failed: $!";
      """)
  }
}

/// A listening socket of the machine that answers nobody.
final class Listener {
  /// Of a local one.
  let name: String
  /// Of one on the loopback address.
  private(set) var port: UInt16 = 0
  private let file: Int32

  /// Nobody but this process has it.
  private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

  /// On a port that the kernel chooses.
  init() throws {
    name = ""
    file = socket(AF_INET, Self.kind, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(file, $0, byteCount) == 0 && listen(file, 8) == 0
          && getsockname(file, $0, &byteCount) == 0
      }
    }
    guard result else { throw Program.Failure(description: "no listener: errno \(errno)") }
    port = UInt16(bigEndian: address.sin_port)
  }

  /// A local one at a path, or, behind a zero byte, at a name.
  init(path: String) throws {
    name = path
    file = socket(AF_UNIX, Self.kind, 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let byteCount = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
    let result = withUnsafePointer(to: address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(file, $0, byteCount) == 0 && listen(file, 8) == 0
      }
    }
    guard result else { throw Program.Failure(description: "no listener: errno \(errno)") }
    chmod(path, 0o600)
  }

  deinit { close(file) }

  /// Who has connected so far, and was not counted yet.
  func connectionCount() -> Int {
    var count = 0
    var item = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    while poll(&item, 1, 0) == 1 {
      close(accept(file, nil, nil))
      count += 1
    }
    return count
  }
}
