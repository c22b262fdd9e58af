internal import CoppiceFormat

/// What a branch or snapshot should hold.
struct ModelBranch: Equatable {
  var name: String
  var isReadOnly = false
  var isDeleted = false
  var domain = DomainID.standard
  var volumes: [VolumeNumber: ModelVolume] = [:]
  var annotations = Fields()

  /// Nobody writes to it.
  var isExpired: Bool { annotations.expiredSince != nil }
  /// Nothing deletes it or replaces its content.
  var isProtected: Bool { annotations.protectedUntil != nil }
}

/// What a whole store should hold. A value: histories keep one for each journal record.
struct ModelState: Equatable {
  var branches: [BranchID: ModelBranch] = [:]
  var settings: [SettingKey: [UInt8]] = [:]

  func branch(named name: String) -> BranchID? {
    branches.first { $0.value.name == name && !$0.value.isDeleted }?.key
  }

  /// Branches that take writes, in order of their ids.
  var writable: [BranchID] { sorted { !$0.isDeleted && !$0.isReadOnly && !$0.isExpired } }
  /// Those of them whose content may be replaced.
  var replaceable: [BranchID] { writable.filter { branches[$0]?.isProtected == false } }
  var deletable: [BranchID] { sorted { !$0.isDeleted && !$0.isProtected } }
  var living: [BranchID] { sorted { !$0.isDeleted } }
  func living(in domain: DomainID?) -> [BranchID] {
    living.filter { branches[$0]?.domain == domain }
  }
  var deleted: [BranchID] { sorted { $0.isDeleted } }

  private func sorted(_ isIncluded: (ModelBranch) -> Bool) -> [BranchID] {
    branches.filter { isIncluded($0.value) }.keys.sorted()
  }

  /// One sentence on the first difference; `nil` when there is none. Branches that a garbage
  /// collection has forgotten may be missing.
  func difference(from actual: ModelState) -> String? {
    if actual.settings != settings {
      return "the settings are \(actual.settings), not \(settings)"
    }
    for id in actual.branches.keys.sorted() where branches[id] == nil {
      return "branch \(id.rawValue) \(actual.branches[id]?.name ?? "") should not exist"
    }
    for id in branches.keys.sorted() {
      guard let expected = branches[id] else { continue }
      guard let found = actual.branches[id] else {
        if expected.isDeleted { continue }
        return "branch \(id.rawValue) \(expected.name) is missing"
      }
      if let difference = expected.difference(from: found) {
        return "branch \(id.rawValue) \(expected.name): \(difference)"
      }
    }
    return nil
  }
}

extension ModelBranch {
  fileprivate func difference(from actual: ModelBranch) -> String? {
    if actual.name != name { return "is called \(actual.name)" }
    if actual.isDeleted != isDeleted { return isDeleted ? "is not deleted" : "is deleted" }
    if actual.isReadOnly != isReadOnly { return "read-only is \(actual.isReadOnly)" }
    if actual.domain != domain { return "is in domain \(actual.domain.rawValue)" }
    if actual.annotations != annotations {
      return "has the annotations \(actual.annotations.all), not \(annotations.all)"
    }
    for volume in Set(volumes.keys).union(actual.volumes.keys).sorted() {
      let number = "volume \(volume.rawValue)"
      guard let expected = volumes[volume] else { return "\(number) should not exist" }
      guard let found = actual.volumes[volume] else { return "\(number) is missing" }
      if let difference = expected.difference(from: found) { return "\(number) \(difference)" }
    }
    return nil
  }
}

extension ModelVolume {
  fileprivate func difference(from actual: ModelVolume) -> String? {
    if actual.byteCount != byteCount {
      return "has \(actual.byteCount) bytes, not \(byteCount)"
    }
    if actual.modified != modified {
      return "was modified at \(actual.modified), not \(modified)"
    }
    for number in Set(pages.keys).union(actual.pages.keys).sorted() {
      let expected = page(number)
      let found = actual.page(number)
      if areEqual(expected, found) { continue }
      if let index = expected.indices.first(where: { expected[$0] != found[$0] }) {
        return "page \(number) differs from byte \(index) on: "
          + "\(found[index...].prefix(8)), not \(expected[index...].prefix(8))"
      }
    }
    return nil
  }
}
