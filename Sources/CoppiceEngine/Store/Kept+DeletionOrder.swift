internal import CoppiceFormat
internal import CoppicePlatform

extension Kept {
  /// What is noted of entries that are about to be deleted, by the changes: of each one whose name
  /// deleted ones have, that it comes after them. No deletion fails for lack of room for that.
  func deletionOrders(
    of targets: [EngineBranch], _ changes: [FieldChange]
  ) -> [(branch: BranchID, record: ControlRecord)] {
    let entries = targets.compactMap { catalogue.branches[$0.id] }
    let names = Set(entries.map { $0.name.nameKey })
    var last: [[UInt8]: UInt64] = [:]
    for entry in catalogue.branches.values where entry.flags.contains(.deleted) {
      let name = entry.name.nameKey
      if names.contains(name) { last[name] = max(last[name] ?? 0, entry.annotations.deletionOrder) }
    }
    return entries.compactMap { entry in
      guard let before = last[entry.name.nameKey] else { return nil }
      let order = FieldChange(.deletionOrder, EntryField.value(ofByteCount: before &+ 1))
      guard (try? entry.annotations.check(changes + [order], of: entry.name)) != nil else {
        return nil
      }
      return (entry.id, .annotate([order]))
    }
  }
}
