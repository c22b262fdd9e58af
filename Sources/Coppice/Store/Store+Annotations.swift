internal import CoppiceEngine
internal import CoppiceFormat

/// What the store keeps for its users, byte for byte: annotations of branches and snapshots, and
/// settings of its own.
extension Store {
  /// The annotations of a branch or snapshot. Throws `notFound`.
  public func annotations(of name: String) throws(StoreError) -> [AnnotationTag: [UInt8]] {
    let fields = engine.branches.annotations(of: try engineBranch(name))
    return Dictionary(uniqueKeysWithValues: fields.all.map { (AnnotationTag($0.tag), $0.value) })
  }

  /// Sets and removes annotations of a branch or snapshot; the others stay. All or none, durable on
  /// return; goes on when the disk is full.
  ///
  /// Throws `invalid` when all of the entry's would take more than 16 KiB, with 6 bytes for each
  /// besides its value; `notFound`.
  public func annotate(
    _ name: String, _ changes: [AnnotationChange]
  ) throws(StoreError) {
    try engine.branches.annotate(try engineBranch(name), changes.map(\.field))
  }

  /// All settings, in the order of their keys' bytes.
  public func settings() -> [(key: String, value: [UInt8])] {
    engine.branches.settings().map { ($0.key.description, $0.value) }
  }

  /// The value of a setting; `nil` where there is none. Throws `invalid` for a key that is empty or
  /// longer than 255 bytes.
  public func setting(_ key: String) throws(StoreError) -> [UInt8]? {
    engine.branches.setting(try settingKey(key))
  }

  /// Gives a setting a value, at most 64 KiB; `nil` removes it. Durable on return.
  ///
  /// Throws `invalid` also when all settings would take more than 16 MiB, and for a value of a
  /// setting `domain/NAME`, which `createDomain` makes; `full` on a full disk. A domain whose
  /// setting is removed has no name any more, and is `raw`.
  public func set(_ key: String, to value: [UInt8]?) throws(StoreError) {
    let key = try settingKey(key)
    if value != nil, let domain = key.domainName {
      throw StoreError(
        .invalid, "the settings of trust domains are made with them", object: key.description,
        remedy: "make the domain \(domain) with \(step: .createDomain)")
    }
    try engine.branches.set(key, to: value)
  }

  func settingKey(_ text: String) throws(StoreError) -> SettingKey {
    guard let key = SettingKey(text) else {
      throw StoreError(
        .invalid, "a setting's key has 1 to \(SettingKey.byteCountMax) bytes", object: text)
    }
    return key
  }
}
