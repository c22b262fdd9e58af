package import Coppice
package import CoppiceLifecycle
internal import CoppiceInstances
internal import CoppicePlatform
internal import CoppicePostgreSQL

package struct BaselineAddRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/baselines", "Register a source of branches, and bring its content in.")
  package static let isCancellable = true

  package var name: String
  /// Where the content comes from, as it was written.
  package var source: String
  /// The directory, or the tar archive or stream, that it comes from.
  package var file: ClientFile?
  /// The branch or snapshot that it comes from, in the place of a file.
  package var branch: String?
  /// What data it holds: `raw`, `masked`, `schema` or `none`. Without: what its source holds, which
  /// for files is `raw`.
  package var `class`: String?
  /// The trust domain. Without: the source's, or one of its own where the class is another.
  package var domain: String?
  package var rules: BaselineRules
  /// When it is brought up to date by itself: `03:00`, in UTC, or a span such as `6h`.
  package var refresh: String?
  /// With what its snapshots are prepared.
  package var preparation: BaselinePreparation?
  /// Check and read everything, but change nothing.
  package var dryRun: Bool

  package init(
    name: String, source: String, file: ClientFile?, branch: String?, class dataClass: String?,
    domain: String?, rules: BaselineRules, refresh: String? = nil,
    preparation: BaselinePreparation? = nil, dryRun: Bool
  ) {
    self.name = name
    self.source = source
    self.file = file
    self.branch = branch
    `class` = dataClass
    self.domain = domain
    self.rules = rules
    self.refresh = refresh
    self.preparation = preparation
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { false }

  package var access: Access {
    Access(.addBaseline, .new(name)).and(.create, branch.map { .source($0) })
      .and(.create, domain.map { .domain($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let registry = BaselineRegistry(store)
    try EntryName.validate(branch: name)
    try checkRules()
    let kind = try BaselineSource(source)
    try checkRefreshing(kind)
    let former = try registry.former(name)
    let origin = try branch.map { name throws(StoreError) in try store.entry(name) }
    var place = try BaselinePlace(
      of: name, from: origin?.domain, class: `class`, domain: domain, in: store)
    if let origin, let claimed = try registry.unattestedClass(of: origin) {
      place.sourceClass = claimed
    }
    var baseline = Baseline(
      name: name, dataClass: place.dataClass.rawValue, domain: place.domain, source: source,
      sourceClass: place.sourceClass.rawValue, rules: rules, addedNanoseconds: registry.now)
    baseline.refresh = refresh
    baseline.preparation = preparation
    if kind.needsServer { return try addRefreshed(baseline, former, place, registry, context) }
    let content = try content(origin, place, store)
    var notes: [String] = []
    if !dryRun { try place.make(in: store) }
    notes += try bring(content, to: place, context)
    if let preparation, preparation != BaselinePreparation() {
      notes.append("it is prepared when it is refreshed: coppice baseline refresh \(name)")
    }
    if !dryRun {
      do throws(StoreError) { try registry.add(baseline, insteadOf: former) } catch {
        // Another one was quicker: what was brought in for this one is nobody's.
        if content.makesBranch { try? store.delete([name], force: true) }
        throw error
      }
    }
    return Answer(
      BaselineAnswer(baseline, try BaselineSnapshots(store), at: registry.now),
      Answer.Addition(isDryRun: dryRun, notes: notes))
  }

  /// Of a source that a server brings in: the baseline is there once its first snapshot is.
  private func addRefreshed(
    _ baseline: Baseline, _ former: [UInt8]?, _ place: BaselinePlace,
    _ registry: BaselineRegistry, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    let refresher = try context.needRefresher()
    let store = context.store
    if try store.entries(in: .named).contains(where: { $0.name.hasBytes(of: name) }) {
      throw StoreError(
        .conflict, "a branch of that name exists", object: name, remedy: "choose another name",
        reason: .exists)
    }
    var notes: [String] = []
    if dryRun {
      switch try BaselineSource(source) {
      case .postgres:
        let findings = try refresher.check(source, BaselineRefresher.Asked(context))
        notes = findings.map { "\($0.code.rawValue): \($0.text)" }
      case .dump(let path):
        _ = try refresher.dump(at: path, try refresher.instances.supervisor()) {
          [work = context.work] in !work.isCancelled
        }
      default: break
      }
    } else {
      try place.make(in: store)
      // The name is taken from here on, by a part: until the end nothing outlives a crash.
      try store.createBranch(
        name, domain: place.domain, terms: EntryTerms(owner: context.principal.knownName),
        annotations: [BaselineRegistry.part(of: name)])
      do throws(StoreError) {
        try registry.add(baseline, insteadOf: former)
        do throws(StoreError) {
          _ = try refresher.refresh(name, BaselineRefresher.Asked(context))
        } catch {
          try? store.set(Baseline.settingKey(name), to: former)
          throw error
        }
      } catch {
        refresher.deletePart(name)
        throw error
      }
    }
    return Answer(
      BaselineAnswer(baseline, try BaselineSnapshots(store), at: registry.now),
      Answer.Addition(isDryRun: dryRun, notes: notes))
  }

  private func checkRefreshing(_ kind: BaselineSource) throws(StoreError) {
    if let refresh {
      guard RefreshSchedule(refresh) != nil else {
        throw StoreError(
          .invalid, "is no time to refresh it at", object: refresh,
          remedy: "write a time of the day in UTC as 03:00, or \(TimeSpan.form) of a minute or more"
        )
      }
      if case .tar("-") = kind {
        throw StoreError(
          .invalid, "a stream cannot be read again", object: name,
          remedy: "leave the times out, or name a file")
      }
    }
    guard let preparation else { return }
    _ = try PreparationOptions(preparation)
    if let rate = preparation.rateMax { try BaselinePreparation.checkRate(rate) }
    let byteCount = preparation.statements.reduce(0) { $0 + $1.text.utf8.count }
    guard byteCount <= Self.statementByteCountMax else {
      throw StoreError(
        .invalid,
        "the statements to neutralise it have \(byteCount) bytes, and a baseline keeps "
          + "\(Self.statementByteCountMax)", object: name,
        remedy: "have them call a function that the database has")
    }
  }

  private static let secondsMax = UInt64(UInt32.max)
  /// A setting keeps 64 KiB, and the runs are in it too.
  private static let statementByteCountMax = 32 << 10

  private func checkRules() throws(StoreError) {
    guard !rules.roles.isEmpty else {
      throw StoreError(
        .invalid, "no role may branch from it", object: name,
        remedy: "name roles, such as developer,ci, or leave them out")
    }
    for (what, seconds) in [
      ("the TTL", rules.ttlDefaultSeconds), ("the longest TTL", rules.ttlMaxSeconds),
      ("the age", rules.ageMaxSeconds),
    ] {
      guard let seconds, seconds == 0 || seconds > Self.secondsMax else { continue }
      throw StoreError(
        .invalid, "\(what) is longer than nothing, and shorter than 136 years", object: name,
        remedy: "name one like 3d, or leave it out")
    }
    if let usual = rules.ttlDefaultSeconds, let longest = rules.ttlMaxSeconds, usual > longest {
      throw StoreError(
        .invalid,
        "the TTL of \(TimeSpan(seconds: usual)) is beyond the longest one, "
          + "\(TimeSpan(seconds: longest))", object: name,
        remedy: "make it \(TimeSpan(seconds: longest)), or the longest one longer")
    }
    _ = try rules.keep?.rules(of: name)
    if let count = rules.childrenMax, count < 1 {
      throw StoreError(
        .invalid, "\(count) live branches are none", object: name,
        remedy: "name at least 1, or leave it out")
    }
  }

  // MARK: Content

  private enum Content: Hashable {
    /// The branch of the baseline's name, as it is.
    case same
    case fork(of: String)
    case copy(of: String)
    case file(ClientFile, isTar: Bool)

    var makesBranch: Bool { self != .same }
  }

  /// Throws `conflict` when the work branch exists, and is not the source; `invalid` for a source
  /// that cannot be one.
  private func content(
    _ origin: EntryInfo?, _ place: BaselinePlace, _ store: Store
  ) throws(StoreError) -> Content {
    if let origin, origin.name.hasBytes(of: name) {
      guard origin.domain.description.hasBytes(of: place.domain) else {
        throw StoreError(
          .conflict, "a copy of it in the trust domain \(place.domain) needs another name",
          object: name,
          remedy:
            "name the baseline otherwise, with --from branch:\(name) as it is, or leave class "
            + "and domain out", reason: .exists)
      }
      return .same
    }
    if let known = try store.entries(in: .named).first(where: { $0.name.hasBytes(of: name) }) {
      // As it is it can be the work branch only where it lies.
      let own = try? BaselinePlace(
        of: name, from: known.domain, class: `class`, domain: domain, in: store)
      let isFit = own?.domain.hasBytes(of: known.domain.description) ?? false
      throw StoreError(
        .conflict, "a branch of that name exists", object: name,
        remedy: isFit
          ? "make it the work branch, as it is, with --from branch:\(name), or choose another name"
          : "choose another name: that branch stays in the trust domain \(known.domain)",
        reason: .exists)
    }
    if let origin {
      return origin.domain.description.hasBytes(of: place.domain)
        ? .fork(of: origin.name) : .copy(of: origin.name)
    }
    guard let file else {
      throw StoreError(
        .invalid, "has no source", object: name, remedy: "name a directory, an archive or a branch")
    }
    let isTar = !source.utf8.starts(with: "directory:".utf8)
    guard isTar || !file.isStream && file.name == nil else {
      throw StoreError(
        .invalid, "is not a directory", object: file.shown,
        remedy: "import an archive with --from tar:FILE")
    }
    return .file(file, isTar: isTar)
  }

  /// Returns what could not be kept, one sentence each.
  private func bring(
    _ content: Content, to place: BaselinePlace, _ context: RequestContext
  ) throws(StoreError) -> [String] {
    // A domain that a dry run does not make cannot be named to it.
    let domain = dryRun && place.isMissing ? nil : place.domain
    let terms = EntryTerms(owner: context.principal.knownName)
    switch content {
    case .same: return []
    case .fork(let origin):
      if !dryRun { try context.store.createBranch(name, from: origin, terms: terms) }
      return []
    case .copy(let origin):
      let work = context.work
      var options = ImportOptions()
      options.domain = domain
      options.owner = terms.owner
      options.isDryRun = dryRun
      options.isCancelled = { work.isCancelled }
      if let tell = work.tell { options.progress = { tell(.transfer($0)) } }
      return try context.store.copy(origin, into: name, options: options).notes
    case .file(let file, let isTar):
      return try ImportRequest(
        source: file, branch: name, path: nil, domain: domain, tar: isTar, replace: false,
        checksum: false, force: false, dryRun: dryRun
      ).run(context).notes
    }
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var isDryRun: Bool
      /// What could not be kept, and what to mind; one sentence each.
      package var notes: [String]
    }

    package var report: BaselineAnswer
    package var addition: Addition

    package init(_ report: BaselineAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}
