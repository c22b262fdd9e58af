internal import CoppiceEngine
internal import CoppiceFormat

extension Store {
  /// The entries in one of these states that carry an annotation, with its value, in order of their
  /// making.
  package func entries(
    carrying tag: AnnotationTag, in states: EntryStates = .live
  ) throws(StoreError) -> [(entry: EntryInfo, value: [UInt8])] {
    var found: [(entry: EntryInfo, value: [UInt8])] = []
    let entries = engine.branches.entries()
    let domains = engine.branches.namedDomains()
    for entry in entries where states.includes(entry.state) {
      guard let value = entry.annotations[tag.field] else { continue }
      let domain = Domain(domains[entry.domain] ?? KnownDomain(entry.domain))
      found.append((info(entry, domain, parent: nil), value))
    }
    return found
  }

  /// The hash of a snapshot's root, in 32 hexadecimal digits. All that was written to it is in
  /// segments on return, so it stays this one.
  /// Throws `notFound`, `full`, `corrupt`.
  package func sealedRootHash(of name: String) throws(StoreError) -> String {
    let branch = try engineBranch(name)
    try engine.sealer.seal(branch)
    let hash = engine.branches.entry(branch.id)?.root.hash ?? .hole
    return [hash.high, hash.low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// Gives a setting another value and changes annotations, all in one transaction. Durable on
  /// return.
  ///
  /// Throws `conflict`, with the reason `stale`, when the setting's value is not `old` any more;
  /// `notFound`; `invalid` and `full` as `set` and `annotate`.
  package func change(
    _ key: String, from old: [UInt8]?, to new: [UInt8]?,
    annotating changes: [(name: String, changes: [AnnotationChange])]
  ) throws(StoreError) {
    var targets: [(branch: EngineBranch, changes: [FieldChange])] = []
    for change in changes {
      targets.append((try engineBranch(change.name), change.changes.map(\.field)))
    }
    try engine.branches.change(try settingKey(key), from: old, to: new, annotating: targets)
  }

  /// The newest approved snapshot of a branch, which `BRANCH@newest` stands for. Throws `notFound`.
  func newestApproved(of branch: String) throws(StoreError) -> EngineBranch {
    if let found = try engine.branches.newestApproved(of: branch) { return found }
    throw StoreError(
      .notFound, "the branch has no approved snapshot", object: branch,
      remedy: "\(step: .approve(branch: branch))")
  }
}
