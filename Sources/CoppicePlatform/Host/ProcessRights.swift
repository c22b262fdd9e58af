/// What a process may do, as /proc/N/status has it.
public struct ProcessRights: Hashable, Sendable {
  /// One bit for each capability in effect.
  public var capabilities: UInt64
  /// Besides its own one.
  public var groups: Set<UInt32>

  /// Of a process or thread; `nil` when there is none with that number, or it may not be looked at.
  public init?(of number: UInt32) {
    do throws(SystemError) {
      let file = try HostFile(reading: "/proc/\(number)/status")
      var text = [UInt8](repeating: 0, count: 1 << 16)
      let count = try text.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try file.readSome(into: UnsafeMutableRawBufferPointer(buffer))
      }
      self.init(status: String(decoding: text[..<count], as: UTF8.self))
    } catch {
      return nil
    }
  }

  /// From the lines of such a file.
  init?(status: String) {
    var capabilities: UInt64?
    var groups: Set<UInt32>?
    for line in status.split(separator: "\n") {
      if line.hasPrefix("CapEff:\t") {
        capabilities = UInt64(line.dropFirst(8), radix: 16)
      } else if line.hasPrefix("Groups:") {
        groups = Set(line.dropFirst(7).split { $0 == " " || $0 == "\t" }.compactMap { UInt32($0) })
      }
    }
    guard let capabilities, let groups else { return nil }
    self.capabilities = capabilities
    self.groups = groups
  }

  /// Whether it may change content of files that keep their set-user-ID and set-group-ID bits
  /// (CAP_FSETID).
  public var keepsIdentityBits: Bool { capabilities & 1 << 4 != 0 }
}
