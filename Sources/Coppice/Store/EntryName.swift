internal import CoppicePlatform

/// The rules for names of branches and snapshots.
///
/// A branch's name has 1 to 200 bytes, none of `/ @ : ^ ~` or control characters among them, and
/// does not begin with `.` or `-`. Names are UTF-8, and different when their bytes are. A snapshot
/// is called `branch@name`, both parts by these rules, and never `newest`: `branch@newest` stands
/// for the approved snapshot of the branch that was made last, wherever an entry is named.
public enum EntryName {
  /// Of a branch's name, and of a snapshot's part behind the `@`.
  public static let byteCountMax = 200

  /// Throws `invalid` with a legal name as the remedy.
  public static func validate(branch name: String) throws(StoreError) {
    try validate(name, of: "a branch")
  }

  /// Checks `branch@name` and returns the branch's part. Throws `invalid`.
  @discardableResult
  public static func validate(snapshot name: String) throws(StoreError) -> String {
    let parts = name.split(byte: UInt8(ascii: "@"), keepsEmpty: true, maxCount: 2)
    guard parts.count == 2 else {
      throw StoreError(
        .invalid, "not the name of a snapshot", object: name, remedy: "write BRANCH@NAME")
    }
    try validate(parts[0], of: "a branch")
    try validate(parts[1], of: "a snapshot")
    guard !parts[1].hasBytes(of: newest) else {
      throw StoreError(
        .invalid, "not a name for a snapshot: it stands for the newest approved one", object: name,
        remedy: "choose another name")
    }
    return parts[0]
  }

  /// Behind the `@`: the newest approved snapshot of a branch. No snapshot can be called so.
  public static let newest = "newest"

  /// The branch whose newest approved snapshot the name stands for; `nil` for any other name.
  static func branch(ofNewest name: String) -> String? {
    let suffix = "@\(newest)".utf8
    guard name.utf8.count > suffix.count,
      name.utf8.suffix(suffix.count).elementsEqual(suffix)
    else { return nil }
    return String(Substring(name.utf8.dropLast(suffix.count)))
  }

  /// Names of trust domains: those of branches, but none of digits alone, which are numbers.
  static func validate(domain name: String) throws(StoreError) {
    try validate(name, of: "a trust domain")
    if name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      throw StoreError(
        .invalid, "not a name for a trust domain: it is a number", object: name,
        remedy: "use d\(name)")
    }
  }

  /// Names of remotes: those of branches.
  package static func validate(remote name: String) throws(StoreError) {
    try validate(name, of: "a remote")
  }

  /// Whether a name is of the form that snapshots have.
  public static func isSnapshot(_ name: String) -> Bool { name.utf8.contains(UInt8(ascii: "@")) }

  private static func validate(_ name: String, of what: String) throws(StoreError) {
    guard let problem = problem(name) else { return }
    let offer = legalName(like: name)
    throw StoreError(
      .invalid, "not a name for \(what): \(problem)", object: name,
      remedy: offer.isEmpty ? "choose another name" : "use \(offer)")
  }

  private static func problem(_ name: String) -> String? {
    if name.isEmpty { return "it is empty" }
    if name.utf8.count > byteCountMax { return "it has more than \(byteCountMax) bytes" }
    if ByteText.bytes(name) != Array(name.utf8) { return "it has bytes that are no UTF-8" }
    if let first = name.unicodeScalars.first, first == "." || first == "-" {
      return "it begins with \(first)"
    }
    let bad = name.unicodeScalars.first { !isLegal($0) }
    return bad.map {
      $0.value < 32 || $0.value == 127 ? "it has a control character" : "it has \($0)"
    }
  }

  private static func isLegal(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "/", "@", ":", "^", "~": false
    default: scalar.properties.generalCategory != .control
    }
  }

  /// The name with what is illegal replaced; empty when nothing legal remains.
  private static func legalName(like name: String) -> String {
    var legal = String.UnicodeScalarView()
    for scalar in String(decoding: ByteText.bytes(name), as: UTF8.self).unicodeScalars {
      legal.append(isLegal(scalar) && scalar != "\u{FFFD}" ? scalar : "-")
    }
    legal = String.UnicodeScalarView(legal.drop { $0 == "." || $0 == "-" })
    while String(legal).utf8.count > byteCountMax { legal.removeLast() }
    return String(legal)
  }
}
