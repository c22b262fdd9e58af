public import CoppiceErrors

/// Which of its origin's libraries a server loads when it starts.
///
/// Libraries that start nothing by themselves are loaded, since a database that uses them may not
/// work without them; those with workers of their own (schedulers, queues, requests to others) act
/// as soon as they are loaded, and are left out unless somebody asks for them by name.
public struct PreloadedLibraries: Hashable, Sendable {
  /// In the order in which they are loaded.
  public private(set) var kept: [String] = []
  /// Those of the origin that are not loaded.
  public private(set) var left: [String] = []

  /// Those that only look on, or only change how statements are planned. TimescaleDB's workers are
  /// switched off by fences.
  private static let harmless: Set = [
    "auto_explain", "pg_hint_plan", "pg_stat_statements", "timescaledb",
  ]

  /// None.
  public init() {}

  /// Throws `invalid` for what is asked for and is no name.
  ///
  /// - Parameters:
  ///   - value: of the origin's `shared_preload_libraries`.
  ///   - asked: more libraries, loaded whatever they do.
  ///   - installed: the libraries that are there, by their names; `nil` when that is not known.
  ///     Those of the origin that are not among them are left out.
  public init(
    origin value: String, asked: [String] = [], installed: Set<String>? = nil
  ) throws(StoreError) {
    for name in asked where !Self.isName(name) {
      throw StoreError(
        .invalid, "that is no name of a library", object: name,
        remedy: "name it without a path and without .so, as in pg_stat_statements")
    }
    for name in Self.names(inList: value).map(Self.plain) where !asked.contains(name) {
      if Self.harmless.contains(name), installed?.contains(name) ?? true {
        if !kept.contains(name) { kept.append(name) }
      } else if !left.contains(name) {
        left.append(name)
      }
    }
    for name in asked where !kept.contains(name) { kept.append(name) }
  }

  /// As the value of `shared_preload_libraries`.
  var list: String { kept.joined(separator: ", ") }

  private static func isName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { byte in
        let character = Character(Unicode.Scalar(byte))
        return character.isASCII && (character.isLetter || character.isNumber)
          || character == "_" || character == "-"
      }
  }

  /// Without the places where libraries are looked for by themselves, and the ending.
  private static func plain(_ library: String) -> String {
    var name = library[...]
    for start in ["$libdir/", "plugins/"] where name.hasPrefix(start) {
      name = name.dropFirst(start.count)
    }
    return String(name.hasSuffix(".so") ? name.dropLast(3) : name)
  }

  /// The elements of a list as a server reads it: separated by commas, without the spaces around
  /// them; in double quotes anything may stand, a quote twice.
  static func names(inList value: String) -> [String] {
    var names: [String] = []
    var name: [UInt8] = []
    // So much of it stood in quotes, or before what did.
    var quotedCount = 0
    var isQuoted = false
    func finish() {
      while name.count > quotedCount, name.last == UInt8(ascii: " ") { name.removeLast() }
      if !name.isEmpty { names.append(String(decoding: name, as: UTF8.self)) }
      name = []
      quotedCount = 0
    }
    var rest = Array(value.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\"") where isQuoted && rest.first == byte:
        name.append(byte)
        rest.removeFirst()
      case UInt8(ascii: "\""):
        isQuoted.toggle()
        quotedCount = name.count
      case UInt8(ascii: ",") where !isQuoted: finish()
      case UInt8(ascii: " ") where !isQuoted && name.isEmpty: break
      default: name.append(byte)
      }
    }
    finish()
    return names
  }
}
