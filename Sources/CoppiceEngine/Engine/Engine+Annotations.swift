package import CoppiceFormat
internal import CoppicePlatform

// Annotations are fields of a branch entry, settings are fields of the store. Both are kept byte
// for byte. They change by records, live and in replay alike, and forks and resets inherit in the
// records that make them.

extension Engine {
  /// The fields of an entry, of a deleted one too.
  package func annotations(of branch: EngineBranch) -> Fields {
    control.withLock { catalogue.branches[branch.id]?.annotations ?? Fields() }
  }

  /// Changes fields of an entry. Durable on return; goes on when the disk is full.
  ///
  /// Throws `invalid` when the entry's fields would take over `Fields.byteCountMax` bytes,
  /// `notFound`.
  package func annotate(
    _ branch: EngineBranch, _ changes: [FieldChange]
  ) throws(StoreError) {
    try checkWritable()
    let lsn = try control.withLock { () throws(StoreError) in
      try checkExists(branch)
      guard let entry = catalogue.branches[branch.id] else { return journal.lastLSN }
      try entry.annotations.check(changes, of: entry.name)
      let lsn = try record(.annotate(changes), branch: branch.id)
      branch.noteControl(lsn)
      return lsn
    }
    try journal.flush(through: lsn)
  }

  /// A record, and the annotations of the entry that it makes or changes, in one transaction. The
  /// caller holds `control`. Returns the LSNs of the record and of the transaction's end.
  func record(
    _ branch: BranchID, _ record: ControlRecord, annotating target: BranchID,
    _ changes: [FieldChange]
  ) throws(StoreError) -> (first: LSN, last: LSN) {
    var records: [(branch: BranchID, record: ControlRecord)] = [(branch, record)]
    if !changes.isEmpty { records.append((target, .annotate(changes))) }
    let last = try self.record(records)
    return (LSN(last.rawValue - UInt64(records.count) + 1), last)
  }

  /// An entry that is there and carries nothing critical that this version does not know. The
  /// caller holds `control`.
  @discardableResult
  func understoodEntry(of branch: EngineBranch) throws(StoreError) -> BranchEntry {
    try checkExists(branch)
    guard let entry = catalogue.branches[branch.id] else {
      preconditionFailure("a branch that exists and is not in the catalogue")
    }
    try entry.checkUnderstood()
    return entry
  }

  /// The caller holds `control`.
  func checkInheriting(
    _ target: EngineBranch, from source: EngineBranch
  ) throws(StoreError) {
    let own = try understoodEntry(of: target)
    let taken = try understoodEntry(of: source)
    try own.annotations.inheriting(from: taken.annotations).check([], of: own.name)
  }

  // MARK: Settings

  /// All settings, in the order of their keys' bytes.
  package func settings() -> [Setting] {
    control.withLock { catalogue.settings.map { Setting($0.key, $0.value) } }
      .sorted { $0.key < $1.key }
  }

  package func setting(_ key: SettingKey) -> [UInt8]? {
    control.withLock { catalogue.settings[key] }
  }

  /// Gives a setting a value, or removes it. Durable on return.
  ///
  /// Throws `invalid` for a value over `Setting.valueByteCountMax` bytes and when all settings
  /// would take over `Setting.allByteCountMax`, `full` on a full disk.
  package func set(_ key: SettingKey, to value: [UInt8]?) throws(StoreError) {
    try checkWritable()
    let limit = Setting.valueByteCountMax
    if let value, value.count > limit {
      throw StoreError(
        .invalid, "a setting has at most \(limit) bytes, this one \(value.count)",
        object: key.description, reason: .valueTooLarge)
    }
    let lsn = try control.withLock { () throws(StoreError) in
      try checkRoom(for: key, value)
      return try record(.set(key, value), branch: BranchID(0))
    }
    try journal.flush(through: lsn)
  }

  /// The caller holds `control`.
  func checkRoom(for key: SettingKey, _ value: [UInt8]?) throws(StoreError) {
    guard let value else { return }
    let old = catalogue.settings[key].map { Setting(key, $0).byteCount } ?? 0
    let byteCount = catalogue.settingsByteCount - old + Setting(key, value).byteCount
    guard byteCount <= Setting.allByteCountMax else {
      throw StoreError(
        .invalid,
        "all settings have at most \(Setting.allByteCountMax) bytes, \(byteCount) with this one",
        object: key.description, remedy: "remove others first", reason: .valueTooLarge)
    }
  }
}

extension Fields {
  /// Throws `invalid` when the fields would be too long after the changes.
  func check(_ changes: [FieldChange], of name: String) throws(StoreError) {
    var changed = self
    changed.apply(changes)
    guard changed.byteCount <= Self.byteCountMax else {
      throw StoreError(
        .invalid,
        "annotations have at most \(Self.byteCountMax) bytes, these \(changed.byteCount)",
        object: name, reason: .valueTooLarge)
    }
  }
}

extension BranchEntry {
  /// Throws `unsupportedFormat` when a newer version restricted what may be done with the entry.
  /// This version knows no critical tag.
  func checkUnderstood() throws(StoreError) {
    guard let tag = annotations.criticalTags.first else { return }
    throw StoreError(
      .unsupportedFormat,
      "an annotation that this version does not know (tag \(tag.rawValue)) restricts it to reading",
      object: name, remedy: "use the version of Coppice that wrote it, or a later one")
  }
}
