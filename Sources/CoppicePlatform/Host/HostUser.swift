internal import Glibc
internal import Synchronization

/// Users of the machine.
public enum HostUser {
  private struct Entry {
    var name: String?
    var group: UInt32
  }

  /// `nil`: nobody has the number.
  private static let known = Mutex<[UInt32: Entry?]>([:])
  private static let byteCountMax = 1 << 20

  /// What a user is called; the number where nobody has it, or its name is no text. Looked up once
  /// for as long as this process runs: where names come from may be far away.
  public static func name(of user: UInt32) -> String { entry(of: user)?.name ?? "\(user)" }

  /// The group that a user is in first of all; the number where nobody has it.
  public static func group(of user: UInt32) -> UInt32 { entry(of: user)?.group ?? user }

  private static func entry(of user: UInt32) -> Entry? {
    if let entry = known.withLock({ $0[user] }) { return entry }
    let entry = lookUp(user)
    known.withLock { $0[user] = .some(entry) }
    return entry
  }

  private static func lookUp(_ user: UInt32) -> Entry? {
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
      let name = String(validatingCString: start).flatMap { $0.isEmpty ? nil : $0 }
      return Entry(name: name, group: entry.pw_gid)
    }
    return nil
  }
}
