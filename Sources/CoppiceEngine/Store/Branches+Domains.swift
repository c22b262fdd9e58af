package import CoppiceFormat
internal import CoppicePlatform

// A trust domain is a number that entries and segments carry; its name and its class are the
// setting `domain/NAME`. The number is given once: the catalogue keeps the next one, which
// settings, entries and segments raise. Without a setting a domain has no name and is `raw`: so is
// number 0, and so is every other one in a catalogue that a repair put together, which has no
// settings.

/// A trust domain that something is in, or that has a setting.
package struct KnownDomain: Hashable, Sendable {
  package var id: DomainID
  /// `nil` for one without a setting.
  package var name: String?
  package var domainClass: DomainClass

  /// Without a setting.
  package init(_ id: DomainID) { self.init(id: id, name: nil, domainClass: .raw) }

  init(id: DomainID, name: String?, domainClass: DomainClass) {
    self.id = id
    self.name = name
    self.domainClass = domainClass
  }
}

extension Branches {
  /// All domains, in order of their numbers.
  ///
  /// Throws `corrupt`, or `unsupportedFormat`, for a setting that cannot be read, and names it.
  package func domains() throws(StoreError) -> [KnownDomain] {
    try core.keeper.read { kept throws(StoreError) in
      try kept.catalogue.checkDomainSettings()
      return kept.catalogue.domains
    }
  }

  /// The domains that have settings, which is all that is known of a domain besides its number. A
  /// setting that cannot be read is passed over: its domain is `raw`, as without one.
  package func namedDomains() -> [DomainID: KnownDomain] {
    core.keeper.read { $0.catalogue.namedDomains }
  }

  /// Gives a number that no domain had to a new one of this name. Durable on return.
  ///
  /// Throws `conflict` when there is a domain of that name, `full` on a full disk and when all
  /// numbers are used up, and as `domains`: what cannot be read may have any number.
  package func createDomain(
    named name: String, _ domainClass: DomainClass
  ) throws(StoreError) -> KnownDomain {
    try core.gate.checkWritable()
    guard let key = SettingKey(domainNamed: name) else {
      throw StoreError(.invalid, "the name is too long", object: name)
    }
    let (domain, lsn) = try core.keeper.change { kept throws(StoreError) in
      guard kept.catalogue.settings[key] == nil else {
        throw StoreError(
          .conflict, "a trust domain of that name exists", object: name,
          remedy: "use it, or choose another name", reason: .exists)
      }
      try kept.catalogue.checkDomainSettings()
      let id = try kept.takeDomainID()
      let value = DomainSetting(id, domainClass).encode()
      try kept.checkRoom(for: key, value)
      let lsn = try kept.record(.set(key, value))
      return (KnownDomain(id: id, name: name, domainClass: domainClass), lsn)
    }
    try core.journal.flush(through: lsn)
    return domain
  }

  /// A domain without a name that nothing is in yet, for what is never to be published.
  package func takeUnnamedDomain() throws(StoreError) -> DomainID {
    try core.keeper.change { kept throws(StoreError) in try kept.takeDomainID() }
  }
}

extension Kept {
  fileprivate mutating func takeDomainID() throws(StoreError) -> DomainID {
    guard let id = catalogue.takeDomainID() else {
      throw StoreError(
        .full, "the store has used up its \(UInt32.max) numbers of trust domains",
        remedy: "copy the branches to a new store")
    }
    return id
  }
}

extension CatalogueState {
  /// What the settings of domains say, in the order of their keys.
  var domainSettings: [(key: SettingKey, content: Result<DomainSetting, FormatError>)] {
    settings.filter { $0.key.domainName != nil }.sorted { $0.key < $1.key }.map { key, value in
      (key, Result { () throws(FormatError) in try DomainSetting.decode(value.span.bytes) })
    }
  }

  func checkDomainSettings() throws(StoreError) {
    for (key, content) in domainSettings {
      guard case .failure(let error) = content else { continue }
      var failure = StoreError(error, in: "setting \(key)")
      if failure.kind == .corrupt {
        failure.remedy = "remove the setting with `Store.set`: branches of its domain are raw then"
      }
      throw failure
    }
  }

  /// Those with settings that can be read.
  var namedDomains: [DomainID: KnownDomain] {
    var domains: [DomainID: KnownDomain] = [:]
    for (key, content) in domainSettings {
      guard case .success(let setting) = content else { continue }
      // Of two settings with one number, which are damage, the stricter class holds.
      let known = domains[setting.domain]
      domains[setting.domain] = KnownDomain(
        id: setting.domain, name: known?.name ?? key.domainName,
        domainClass: min(known?.domainClass ?? setting.domainClass, setting.domainClass))
    }
    return domains
  }

  /// Those with settings, and those that some entry is in, in order of their numbers.
  var domains: [KnownDomain] {
    var domains = namedDomains
    for id in [.standard] + branches.values.map(\.domain) where domains[id] == nil {
      domains[id] = KnownDomain(id)
    }
    return domains.values.sorted { $0.id < $1.id }
  }
}
