internal import CLinux
internal import Glibc

/// Users and groups of the machine.
public enum HostUsers {
  /// The lines of a file like /etc/passwd, /etc/group and /etc/subuid, each as its fields.
  public static func lines(of path: String) throws(SystemError) -> [[String]] {
    let file = try HostFile(reading: path)
    let text = AlignedBuffer()
    while true {
      text.reserve(1 << 16)
      let rest = UnsafeMutableRawBufferPointer(
        start: text.bytes + text.byteCount, count: 1 << 16)
      let count = try file.readNext(into: rest)
      if count == 0 { break }
      text.extend(count)
    }
    return text.contents.split(separator: UInt8(ascii: "\n")).map { line in
      ByteText.text(line).split(byte: UInt8(ascii: ":"), keepsEmpty: true)
    }
  }

  /// Kills all processes of a user. Needs the right to become that user, who is not this process's.
  public static func killAll(of user: UInt32) throws(SystemError) {
    precondition(user != 0 && user != geteuid())
    try system("kill", "user \(user)") { clinux_kill_all(user) }
  }

  /// Waits until a user has no processes, as long as they take to end. Returns false when he still
  /// has some after that time.
  public static func waitUntilGone(_ user: UInt32, milliseconds: Int) -> Bool {
    for _ in 0...milliseconds / 5 {
      if !hasProcesses(user) { return true }
      usleep(5000)
    }
    return false
  }

  /// Whether a user has processes. One that has ended and is not collected yet does not count.
  public static func hasProcesses(_ user: UInt32) -> Bool {
    withProcesses().contains(user)
  }

  /// The users that have processes, counted likewise.
  public static func withProcesses() -> Set<UInt32> {
    do throws(SystemError) {
      let processes = try HostDirectory(path: "/proc").names().compactMap { name in
        Int32(String(decoding: name, as: UTF8.self))
      }
      return Set(processes.compactMap(user))
    } catch {
      return []
    }
  }

  /// As whom a process runs; `nil` for one that has ended. By the lines `State:` and `Uid:`, of
  /// which the first number is the real user's: the owner of its directory is root as it ends.
  static func user(of process: Int32) -> UInt32? {
    status(of: process)?["Uid"]?.split { $0 == "\t" }.first.flatMap { UInt32($0) }
  }

  /// Whether a process is another one, or was started by it, or by one that it started. One that
  /// has ended is nobody's.
  public static func isProcess(_ process: Int32, of ancestor: Int32) -> Bool {
    var current = process
    while current > 1 {
      if current == ancestor { return true }
      guard let parent = status(of: current)?["PPid"].flatMap({ Int32($0) }) else { return false }
      current = parent
    }
    return false
  }

  /// What the kernel tells of a process, without the tabulators before it; `nil` for one that has
  /// ended.
  private static func status(of process: Int32) -> [String: Substring]? {
    do throws(SystemError) {
      let fields = try lines(of: "/proc/\(process)/status")
      let values = Dictionary(
        fields.map { ($0[0], ($0.last ?? "").drop { $0 == "\t" }) },
        uniquingKeysWith: { first, _ in first })
      let state = values["State"] ?? ""
      return state.hasPrefix("Z") || state.hasPrefix("X") ? nil : values
    } catch {
      return nil
    }
  }
}
