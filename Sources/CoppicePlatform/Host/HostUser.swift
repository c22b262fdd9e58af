internal import Glibc
internal import Synchronization

/// Users of the machine.
public enum HostUser {
  private static let known = Mutex<[UInt32: String]>([:])
  private static let byteCountMax = 1 << 20

  /// What a user is called; the number where nobody has it, or its name is no text. Looked up once
  /// for as long as this process runs: where names come from may be far away.
  public static func name(of user: UInt32) -> String {
    if let name = known.withLock({ $0[user] }) { return name }
    let name = lookUp(user) ?? "\(user)"
    known.withLock { $0[user] = name }
    return name
  }

  private static func lookUp(_ user: UInt32) -> String? {
    var byteCount = 1 << 10
    while byteCount <= byteCountMax {
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      var bytes = [CChar](repeating: 0, count: byteCount)
      let code = getpwuid_r(user, &entry, &bytes, bytes.count, &found)
      if code == ERANGE {
        byteCount *= 4
        continue
      }
      guard code == 0, found != nil, let start = entry.pw_name else { return nil }
      return String(validatingCString: start).flatMap { $0.isEmpty ? nil : $0 }
    }
    return nil
  }
}
