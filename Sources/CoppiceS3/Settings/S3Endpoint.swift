internal import CoppicePlatform
public import CoppicePools

/// The address of a service that speaks S3: `https://HOST[:PORT]`, or plain HTTP on this machine.
public struct S3Endpoint: Hashable, Sendable, CustomStringConvertible {
  public let isEncrypted: Bool
  /// A name or an address; an IPv6 address without brackets.
  public let host: String
  public let port: Int

  /// That of AWS in a region.
  public init(region: String) throws(ObjectStoreError) {
    try self.init("https://s3.\(region).amazonaws.com")
  }

  /// Throws `invalid` for what is no such address, and for plain HTTP to another machine: bodies
  /// are sealed, but requests and their credentials would be anybody's to repeat.
  public init(_ text: String) throws(ObjectStoreError) {
    let (rest, isEncrypted): (Substring, Bool)
    if text.hasPrefix("https://") {
      (rest, isEncrypted) = (text.dropFirst(8), true)
    } else if text.hasPrefix("http://") {
      (rest, isEncrypted) = (text.dropFirst(7), false)
    } else {
      throw Self.error("an endpoint is https://HOST or https://HOST:PORT", text)
    }
    var host = rest
    if host.hasSuffix("/") { host.removeLast() }
    var port = isEncrypted ? 443 : 80
    let isBracketed = host.hasPrefix("[")
    if let colon = host.lastIndex(of: ":"),
      !isBracketed
        || host[colon...].dropFirst().allSatisfy({
          $0 != "]"
        })
    {
      guard let number = Int(host[host.index(after: colon)...]), (1...65_535).contains(number)
      else { throw Self.error("an endpoint has a port from 1 to 65535", text) }
      port = number
      host = host[..<colon]
    }
    if isBracketed {
      guard host.hasSuffix("]") else { throw Self.error("a bracket is not closed", text) }
      host = host.dropFirst().dropLast()
    }
    let isName = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      case UInt8(ascii: ":"): isBracketed
      default: false
      }
    }
    guard !host.isEmpty, isName else {
      throw Self.error("an endpoint is https://HOST or https://HOST:PORT", text)
    }
    self.isEncrypted = isEncrypted
    self.host = host.lowercased()
    self.port = port
    guard isEncrypted || Self.isLoopback(self.host) else {
      throw Self.error("plain HTTP is for object stores of this machine only", text)
    }
  }

  public var description: String { "\(isEncrypted ? "https" : "http")://\(authority())" }

  /// The numbers of all machines that the host's name stands for now; itself where it is one.
  /// Waits for whoever knows names. Throws `unreachable` when there are none.
  public func addresses() throws(ObjectStoreError) -> [String] {
    let addresses = HostAddresses.resolve(host)
    guard !addresses.isEmpty else {
      throw ObjectStoreError(.unreachable, "no machine has the name \(host)")
    }
    return addresses
  }

  /// What the header `Host` says, and a URL has: `host[:port]`, for one bucket where it is part of
  /// the name.
  func authority(bucket: String? = nil) -> String {
    let name = bucket.map { "\($0).\(host)" } ?? (host.contains(":") ? "[\(host)]" : host)
    return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
  }

  private static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(byte: UInt8(ascii: "."), keepsEmpty: true)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  private static func error(_ message: String, _ text: String) -> ObjectStoreError {
    ObjectStoreError(.invalid, message, cause: text)
  }
}
