public import CoppiceErrors

/// Settings that somebody gave for an instance: `--set NAME=VALUE`.
public struct GivenSettings: Hashable, Sendable {
  /// In the order of their names.
  public private(set) var settings: [Setting] = []

  /// None.
  public init() {}

  /// Verifies settings by what a server of that version knows. Of a name that comes twice, in
  /// whatever case, the later value holds.
  ///
  /// Throws `denied` for fences, `invalid` for what is no name or value, and for names that the
  /// version has not. Names of extensions, with a dot, are not known before they are loaded, and
  /// pass.
  ///
  /// - Parameter names: what `postgres --describe-config` of that version names.
  public init(
    _ pairs: [(name: String, value: String)], of major: MajorVersion, names: Set<String>
  ) throws(StoreError) {
    var known = Set(names.map { $0.lowercased() })
    for (name, majors) in SettingTable.unlisted where majors.contains(major.number) {
      known.insert(name)
    }
    var values: [String: String] = [:]
    for (given, value) in pairs {
      guard Setting.isName(given) else {
        throw StoreError(
          .invalid, "that is no name of a setting", object: given,
          remedy: "give NAME=VALUE, as in work_mem=64MB")
      }
      let name = given.lowercased()
      if let purpose = Fence.purpose(of: name) {
        throw StoreError(
          .denied, "this setting is a fence: \(purpose)", object: name,
          remedy: "leave it out: an instance works without, and nothing changes it", reason: .policy
        )
      }
      guard name.contains(".") || known.contains(name) else {
        throw StoreError(
          .invalid, "PostgreSQL \(major) has no such setting", object: name,
          remedy: "the view pg_settings has the names; those of extensions have a dot")
      }
      guard Setting.isValue(value) else {
        throw StoreError(
          .invalid, "the value has an end of line or a zero byte, which no value can", object: name,
          remedy: "give a value of one line")
      }
      values[name] = value
    }
    settings = values.map(Setting.init).sorted {
      $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
  }

  func value(of name: String) -> String? { settings.first { $0.name == name }?.value }
}
