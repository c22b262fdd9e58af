package import CoppiceFormat
internal import CoppicePlatform

// Annotations are fields of a branch entry, settings are fields of the store. Both are kept byte
// for byte. They change by records, live and in replay alike, and forks and resets inherit in the
// records that make them.

extension Branches {
  /// The fields of an entry, of a deleted one too.
  package func annotations(of branch: EngineBranch) -> Fields {
    core.keeper.read { $0.catalogue.branches[branch.id]?.annotations ?? Fields() }
  }

  /// Changes fields of an entry. Durable on return; goes on when the disk is full.
  ///
  /// Throws `invalid` when the entry's fields would take over `Fields.byteCountMax` bytes,
  /// `notFound`.
  package func annotate(
    _ branch: EngineBranch, _ changes: [FieldChange]
  ) throws(StoreError) {
    try annotate([branch]) { _ in changes }
  }

  /// As `annotate`, of several entries, all or none: `changes` says what changes in each, from what
  /// it is at that moment, and may refuse all. It must not ask the engine for anything.
  package func annotate(
    _ branches: [EngineBranch],
    _ changes: (BranchEntry) throws(StoreError) -> [FieldChange]
  ) throws(StoreError) {
    try core.gate.checkWritable()
    let lsn = try core.keeper.change { kept throws(StoreError) in
      var records: [(branch: BranchID, record: ControlRecord)] = []
      for branch in branches {
        try kept.checkExists(branch)
        guard let entry = kept.catalogue.branches[branch.id] else { continue }
        let changes = try changes(entry)
        try entry.annotations.check(changes, of: entry.name)
        if !changes.isEmpty { records.append((branch.id, .annotate(changes))) }
      }
      if records.isEmpty { return kept.lastLSN }
      let lsn = try kept.record(records)
      for branch in branches { branch.noteControl(lsn) }
      return lsn
    }
    try core.journal.flush(through: lsn)
  }

  // MARK: Settings

  /// All settings, in the order of their keys' bytes.
  package func settings() -> [Setting] {
    core.keeper.read { kept in kept.catalogue.settings.map { Setting($0.key, $0.value) } }
      .sorted { $0.key < $1.key }
  }

  package func setting(_ key: SettingKey) -> [UInt8]? {
    core.keeper.read { $0.catalogue.settings[key] }
  }

  /// Gives a setting a value, or removes it. Durable on return.
  ///
  /// Throws `invalid` for a value over `Setting.valueByteCountMax` bytes and when all settings
  /// would take over `Setting.allByteCountMax`, `full` on a full disk.
  package func set(_ key: SettingKey, to value: [UInt8]?) throws(StoreError) {
    try core.gate.checkWritable()
    try key.checkLength(of: value)
    let lsn = try core.keeper.change { kept throws(StoreError) in
      try kept.checkRoom(for: key, value)
      return try kept.record(.set(key, value))
    }
    try core.journal.flush(through: lsn)
  }
}

extension SettingKey {
  /// Throws `invalid` for a value that is too long.
  func checkLength(of value: [UInt8]?) throws(StoreError) {
    let limit = Setting.valueByteCountMax
    guard let value, value.count > limit else { return }
    throw StoreError(
      .invalid, "a setting has at most \(limit) bytes, this one \(value.count)",
      object: description, reason: .valueTooLarge)
  }
}

extension Kept {
  /// Throws `invalid` when all settings would be too long.
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
  /// Throws `invalid` when the fields would be too long after the changes, or when one that the
  /// engine heeds would have a value that it cannot read.
  func check(_ changes: [FieldChange], of name: String) throws(StoreError) {
    for change in changes {
      guard [.protected, .expired, .keepUntil].contains(change.tag), let value = change.value,
        EntryField.time(in: value) == nil
      else { continue }
      throw StoreError(
        .invalid, "the value of annotation \(change.tag.rawValue) is a time of 8 bytes",
        object: name)
    }
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
  func checkUnderstood() throws(StoreError) {
    guard let tag = annotations.unknownCriticalTags.first else { return }
    throw StoreError(
      .unsupportedFormat,
      "an annotation that this version does not know (tag \(tag.rawValue)) restricts it to reading",
      object: name, remedy: "use the version of Coppice that wrote it, or a later one")
  }

  /// Throws `denied` while the entry is protected: nothing deletes it or replaces its content.
  package func checkUnprotected(at now: Int64) throws(StoreError) {
    guard annotations.isProtected(at: now) else { return }
    let reason = annotations.protectionReason.map { ": \($0)" } ?? ""
    throw StoreError(
      .denied, "is protected\(reason)", object: name,
      remedy: "\(step: .unprotect(name)) if you may",
      reason: .protected)
  }

  /// Throws `denied` when the branch has expired, and nothing in the changes brings it back.
  func checkNotExpired(after changes: [FieldChange] = []) throws(StoreError) {
    var fields = annotations
    fields.apply(changes)
    guard fields.expiredSince != nil else { return }
    throw StoreError(
      .denied, "the branch has expired", object: name, remedy: "\(step: .renew(name))",
      reason: .expired)
  }
}
