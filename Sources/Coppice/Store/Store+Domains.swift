internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

extension Store {
  /// All trust domains, in order of their numbers; the first is `raw`, number 0, which every store
  /// has.
  ///
  /// Throws `corrupt`, or `unsupportedFormat`, for a setting `domain/NAME` that cannot be read.
  /// Entries of its domain are listed all the same, as `raw`.
  public func domains() throws(StoreError) -> [Domain] {
    try engine.branches.domains().map(Domain.init)
  }

  /// Makes a trust domain, with a number that none ever had. Durable on return.
  ///
  /// Throws `conflict` when there is one of that name; `invalid` for a name by which no branch
  /// could be called, one of digits alone, and one that is the name of another class; `full`; and
  /// as `domains`.
  @discardableResult
  public func createDomain(
    named name: String, class dataClass: DataClass = .raw
  ) throws(StoreError) -> Domain {
    try EntryName.validate(domain: name)
    if name == Domain.standardName {
      throw StoreError(
        .conflict, "every store has this trust domain", object: name,
        remedy: "use it, or choose another name", reason: .exists)
    }
    if let named = DataClass(rawValue: name), named != dataClass {
      throw StoreError(
        .invalid, "is the name of the trust domain for data of that class", object: name,
        remedy: "choose another name")
    }
    return Domain(try engine.branches.createDomain(named: name, dataClass.stored))
  }

  // MARK: Names

  /// The domain of that name, or of that number where it has no name; `nil` for a class's own that
  /// was not made yet. Throws `notFound`, and as `domains`.
  func domainIfMade(_ name: String) throws(StoreError) -> Domain? {
    let all = try domains()
    if let found = all.first(where: { $0.description.hasBytes(of: name) }) { return found }
    if DataClass(rawValue: name) != nil { return nil }
    let near = NearestNames.find(name, among: all.map(\.description)).joined(separator: ", ")
    throw StoreError(
      .notFound, "there is no such trust domain", object: name,
      remedy: near.isEmpty ? "make it with \(step: .createDomain)" : "did you mean \(near)?")
  }

  /// As `domainIfMade`; makes a class's own at first use.
  func domainID(named name: String) throws(StoreError) -> DomainID {
    if let known = try domainIfMade(name) { return DomainID(known.number) }
    guard let dataClass = DataClass(rawValue: name) else {
      preconditionFailure("only a class's own domain may be missing")
    }
    do throws(StoreError) {
      return DomainID(try createDomain(named: name, class: dataClass).number)
    } catch {
      // Another thread may have made it.
      guard error.reason == .exists, let known = try domainIfMade(name) else { throw error }
      return DomainID(known.number)
    }
  }

  func domainID(orStandard name: String?) throws(StoreError) -> DomainID {
    if let name { try domainID(named: name) } else { .standard }
  }

  /// How an entry's domain is called, and its class, as far as that can be read.
  func knownDomain(_ id: DomainID) -> Domain {
    Domain(engine.branches.namedDomains()[id] ?? KnownDomain(id))
  }
}
