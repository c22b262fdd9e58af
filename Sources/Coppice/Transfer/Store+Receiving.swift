package import CoppiceEngine
package import CoppiceFormat
internal import CoppicePlatform

/// A branch that is to have the content of a copy elsewhere.
package struct ReceivedBranch: Hashable, Sendable {
  package var name: String
  /// The trust domain that the copy lies in, by its name, and what data that holds.
  package var domain: String
  package var domainClass: DomainClass
  /// What the copy's source had for branches that are made of it.
  package var annotations: Fields
  /// Whose a branch is that is made.
  package var owner: String?
  /// Whether an existing branch becomes what the copy is.
  package var isReplacing: Bool

  package init(
    name: String, domain: String, domainClass: DomainClass, annotations: Fields,
    owner: String? = nil, isReplacing: Bool = false
  ) {
    self.name = name
    self.domain = domain
    self.domainClass = domainClass
    self.annotations = annotations
    self.owner = owner
    self.isReplacing = isReplacing
  }
}

extension Store {
  /// Makes a branch, or gives one another content, of what `fill` puts into an import: all of it or
  /// nothing. Durable on return.
  ///
  /// The branch lies in the domain of that name, which is made if it is missing. Where the branch
  /// exists the import begins with its state.
  ///
  /// Throws `conflict` when the branch exists and nobody said to replace it, `invalid` for a domain
  /// of another class or of the branch's own, `unsupportedFormat` for annotations that this version
  /// must not pass over; `inUse` for a branch with open files; what `fill` throws.
  package func receive<Result>(
    _ received: ReceivedBranch, fill: (StagingImport) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let name = received.name
    try EntryName.validate(branch: name)
    if let tag = received.annotations.unknownCriticalTags.first {
      throw StoreError(
        .unsupportedFormat,
        "an annotation that this version does not know (tag \(tag.rawValue)) restricts it",
        object: name, remedy: "use the version of Coppice that wrote it, or a later one")
    }
    let exists = try entries(in: .named).contains { $0.name.hasBytes(of: name) }
    guard exists else { return try receiveAnew(received, fill) }
    guard received.isReplacing else {
      throw StoreError(
        .conflict, "exists already", object: name,
        remedy: "use \(step: .replaceTarget) to give it the copy's content, or choose another name",
        reason: .exists)
    }
    return try receiveReplacing(received, fill)
  }

  private func receiveAnew<Result>(
    _ received: ReceivedBranch, _ fill: (StagingImport) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    var changes = received.annotations.inherited.all.map { FieldChange($0.tag, $0.value) }
    if let owner = received.owner {
      changes.append(
        FieldChange(.owner, try Labels.value(ofText: owner, "an owner", received.name)))
    }
    let staging = try engine.imports.begin(domain: domain(of: received))
    do throws(StoreError) {
      let result = try fill(staging)
      _ = try staging.publish(creating: received.name, annotations: changes)
      watchers.tell(.added)
      return result
    } catch {
      staging.cancel()
      throw error
    }
  }

  private func receiveReplacing<Result>(
    _ received: ReceivedBranch, _ fill: (StagingImport) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let tree = try branch(received.name)
    let target = try engineBranch(received.name)
    guard try domain(of: received) == target.domain else {
      throw StoreError(
        .invalid, "is in the trust domain \(knownDomain(target.domain)), and stays there",
        object: received.name, remedy: "choose another name")
    }
    let own = engine.branches.annotations(of: target).inherited
    let changes =
      own.all.map { FieldChange($0.tag, nil) }.filter { received.annotations[$0.tag] == nil }
      + received.annotations.inherited.all.map { FieldChange($0.tag, $0.value) }
    try tree.checkUnused(force: false)
    // Once more at the end: this spares fetching all of it for nothing.
    try engine.branches.checkReplace(target, annotations: changes)
    let staging = try engine.imports.begin(replacing: target)
    do throws(StoreError) {
      let result = try fill(staging)
      try tree.core.replace { () throws(StoreError) in
        try staging.publishReplacing(annotations: changes, isWhole: true)
      }
      return result
    } catch {
      staging.cancel()
      throw error
    }
  }

  /// The domain of that name and class; made if it is missing.
  private func domain(of received: ReceivedBranch) throws(StoreError) -> DomainID {
    let dataClass = DataClass(received.domainClass)
    if received.domain == DataClass.raw.rawValue, dataClass == .raw { return .standard }
    let known = try domains().first { $0.description.hasBytes(of: received.domain) }
    let domain: Domain
    if let known {
      domain = known
    } else {
      domain = try createDomain(named: received.domain, class: dataClass)
    }
    guard domain.dataClass == dataClass else {
      throw StoreError(
        .invalid,
        "the trust domain holds \(domain.dataClass.rawValue) here, and \(dataClass.rawValue) there",
        object: received.domain, remedy: "bring it into a store that has no such domain")
    }
    return DomainID(domain.number)
  }
}
