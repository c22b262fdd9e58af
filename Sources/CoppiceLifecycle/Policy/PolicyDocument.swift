internal import CXXHash
package import CoppiceErrors

/// A policy as somebody wrote it. The store keeps these bytes and gives them back.
package struct PolicyDocument: Hashable, Sendable {
  package let bytes: [UInt8]
  package let policy: Policy

  /// The most bytes that a policy can have.
  package static let byteCountMax = 64 << 10

  /// What holds where nobody set a policy: nothing ends that was not given an end.
  package static let standard = PolicyDocument(bytes: Array("{}\n".utf8), policy: Policy())

  private init(bytes: [UInt8], policy: Policy) {
    self.bytes = bytes
    self.policy = policy
  }

  /// Throws `invalid` with the path of what is wrong as the object: unknown keys, doubled ones,
  /// values that are none.
  package init(_ bytes: [UInt8]) throws(StoreError) {
    guard bytes.count <= Self.byteCountMax else {
      throw StoreError(
        .invalid, "the policy has \(bytes.count) bytes", object: "policy",
        remedy: "a policy has \(Self.byteCountMax) at most")
    }
    do {
      self.init(bytes: bytes, policy: try Policy(try JSONDocument(parsing: bytes)))
    } catch {
      var named = error
      named.object = error.object.isEmpty ? "policy" : error.object
      throw named
    }
  }

  /// Tells the document from every other one: 32 digits, without quotation marks. It says nothing
  /// against forgery.
  package var etag: String {
    let hash = bytes.withUnsafeBytes { XXH3_128bits($0.baseAddress, $0.count) }
    return [hash.high64, hash.low64].map {
      let digits = String($0, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
