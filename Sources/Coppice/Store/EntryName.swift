public import CoppiceEngine

/// The rules for names of branches and snapshots.
///
/// A branch's name has 1 to 200 bytes, none of `/ @ : ^ ~` or control characters among them, and
/// does not begin with `.` or `-`. A snapshot is called `branch@name`, both parts by these rules.
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
    let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw StoreError(
        .invalid, "not the name of a snapshot", object: name, remedy: "write BRANCH@NAME")
    }
    try validate(String(parts[0]), of: "a branch")
    try validate(String(parts[1]), of: "a snapshot")
    return String(parts[0])
  }

  /// Whether a name is of the form that snapshots have.
  public static func isSnapshot(_ name: String) -> Bool { name.contains("@") }

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
    if name.hasPrefix(".") || name.hasPrefix("-") { return "it begins with \(name.prefix(1))" }
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
    for scalar in name.unicodeScalars { legal.append(isLegal(scalar) ? scalar : "-") }
    var offer = String(legal)
    while offer.hasPrefix(".") || offer.hasPrefix("-") { offer.removeFirst() }
    while offer.utf8.count > byteCountMax { offer.removeLast() }
    return offer
  }
}
