internal import Coppice
internal import CoppicePlatform

/// The trust domain that a new baseline lies in. What another class holds shares nothing with its
/// source: a baseline of another class has a domain of its own, unless one is named.
struct BaselinePlace {
  var domain: String
  var dataClass: DataClass
  /// What data the source holds. What comes from outside of the store is raw until somebody says
  /// otherwise.
  var sourceClass: DataClass
  /// Whether there is no such domain yet. Those that are named by their class are made by whoever
  /// first puts something there.
  var isMissing: Bool

  /// Throws `notFound` for a domain or class that does not exist, `invalid` for a domain of another
  /// class, `conflict` when a domain of the baseline's name is in use.
  ///
  /// - Parameter source: the domain of the branch that is the source.
  init(
    of name: String, from source: Domain?, class wantedClass: String?, domain wanted: String?,
    in store: Store
  ) throws(StoreError) {
    let dataClass = try wantedClass.map(Self.dataClass)
    sourceClass = source?.dataClass ?? .raw
    let domains = try store.domains()
    if let wanted {
      let known = try Self.find(wanted, domains)
      guard dataClass == nil || dataClass == known else {
        throw StoreError(
          .invalid, "the trust domain holds \(known.rawValue), not \(wantedClass ?? "")",
          object: wanted, remedy: "leave the class out, or name another domain")
      }
      (domain, self.dataClass, isMissing) = (wanted, known, false)
      return
    }
    guard let dataClass, dataClass != sourceClass else {
      domain = source?.description ?? DataClass.raw.rawValue
      self.dataClass = sourceClass
      isMissing = false
      return
    }
    self.dataClass = dataClass
    domain = name
    isMissing = name != dataClass.rawValue
    let known = domains.first { $0.description.hasBytes(of: name) }
    // The names of classes are those of their domains, made or not.
    guard let taken = known?.dataClass ?? DataClass(rawValue: name) else { return }
    let isUsed = try store.entries(in: .all).contains { $0.domain.number == known?.number }
    guard taken == dataClass, !isUsed || name == dataClass.rawValue else {
      let shared = taken == dataClass ? name : dataClass.rawValue
      throw StoreError(
        .conflict, "the baseline would have a trust domain of its own, and one is called so",
        object: name, remedy: "share one of that class, --domain \(shared), or choose another name",
        reason: .exists)
    }
    isMissing = false
  }

  /// Makes the domain where there is none.
  func make(in store: Store) throws(StoreError) {
    if isMissing { try store.createDomain(named: domain, class: dataClass) }
  }

  private static func dataClass(_ text: String) throws(StoreError) -> DataClass {
    if let known = DataClass(rawValue: text) { return known }
    throw StoreError(
      .invalid, "there is no such class of data", object: text,
      remedy: "write one of \(DataClass.allCases.map(\.rawValue).joined(separator: ", "))")
  }

  /// The class of a domain.
  private static func find(
    _ name: String, _ domains: [Domain]
  ) throws(StoreError) -> DataClass {
    if let known = domains.first(where: { $0.description.hasBytes(of: name) }) {
      return known.dataClass
    }
    if let own = DataClass(rawValue: name) { return own }
    let near = NearestNames.find(name, among: domains.map(\.description)).joined(separator: ", ")
    throw StoreError(
      .notFound, "there is no such trust domain", object: name,
      remedy: near.isEmpty
        ? "make it with \(step: .createDomain)" : Remedy("did you mean \(near)?"))
  }
}
