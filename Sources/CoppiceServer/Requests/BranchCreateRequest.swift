package import Coppice
internal import CoppiceEngine
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct BranchCreateRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches", "Make a branch of another branch, of a snapshot, or empty.")

  package var name: String
  /// The branch or snapshot to start from; empty without.
  package var from: String?
  /// The trust domain of an empty branch; `raw` without. Of another one it is its source's.
  package var domain: String?
  /// Take the branch if it exists and was made from the same, and renew it.
  package var orExisting: Bool
  /// As `orExisting`, and then give it the state of what it was made from.
  package var orReset: Bool
  /// With `orReset`: also while files of the branch are open.
  package var force: Bool
  /// When it ends, whose it is, what is said of it.
  package var terms: RequestedTerms?
  /// First write what the kernel holds back of the branch to start from.
  package var sync: Bool
  /// Make PostgreSQL's data directories fit for a server of their own.
  package var postgres: Bool
  /// With `postgres`: also when links lead a server on the branch to files that are not its own.
  package var keepLinks: Bool

  package init(
    name: String, from: String?, domain: String? = nil, orExisting: Bool = false,
    orReset: Bool = false, force: Bool = false, terms: RequestedTerms? = nil, sync: Bool = false,
    postgres: Bool = false, keepLinks: Bool = false
  ) {
    self.name = name
    self.from = from
    self.domain = domain
    self.orExisting = orExisting
    self.orReset = orReset
    self.force = force
    self.terms = terms
    self.sync = sync
    self.postgres = postgres
    self.keepLinks = keepLinks
  }

  package var isReadOnly: Bool { false }

  package var access: Access {
    Access(.create, .new(name)).and(.create, from.map { .source($0) })
      .and(.create, domain.map { .domain($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let (answer, forkNotes) = try make(context)
    var told = answer
    told.addition.notes += forkNotes
    return told
  }

  /// Beside the answer, what was done to make a fork fit for a server of its own, or is to be.
  func make(
    _ context: RequestContext
  ) throws(StoreError) -> (answer: Answer, forkNotes: [String]) {
    guard !(orExisting && orReset) else {
      throw StoreError(
        .invalid, "an existing branch is taken as it is, or reset, not both", object: name,
        remedy: "give one of the two")
    }
    var asked = terms ?? RequestedTerms()
    var request = self
    var source: GrantedSource?
    if let from {
      let ttlSeconds = asked.ttlSeconds(at: context.store.engine.clock.wallNanoseconds())
      let granted = try context.source(from, ttlSeconds: ttlSeconds)
      if ttlSeconds == nil { asked.ttlSeconds = granted.ttlSeconds }
      request.from = granted.name
      source = granted
    }
    let granted = try context.store.granted(
      asked, to: name, in: try request.domain(context.store), for: context.principal)
    return try request.obtain(source, granted, context)
  }

  /// - Parameter source: what `from` names.
  private func obtain(
    _ source: GrantedSource?, _ granted: GrantedTerms, _ context: RequestContext
  ) throws(StoreError) -> (answer: Answer, forkNotes: [String]) {
    if sync, let from { try context.doors.writeDirtyPages(of: from) }
    let mounts = context.doors.mounts.map(\.directory)
    let mustBeOwn = postgres && !keepLinks
    // Before there is a fork; what changes between the two is refused as well.
    if mustBeOwn, let from {
      try ForkPlan(of: context.store.moment(of: from), as: name, mounts: mounts)
        .refuseOutwardLinks()
    }
    let obtained = try branch(source, granted.terms, context)
    guard from != nil, obtained.isNew || orReset else {
      let other =
        obtained.isNew
        ? nil : source?.note(ofBranch: name, with: try context.store.annotations(of: name))
      let notes = granted.notes + [other].compactMap(\.self)
      return (try answer(obtained, notes: notes, context.store), [])
    }
    do throws(StoreError) {
      let branch = obtained.branch
      let plan = try ForkPlan(of: branch, as: name, mounts: mounts, isQuick: !postgres)
      if mustBeOwn { try plan.refuseOutwardLinks() }
      let notes = try postgres ? plan.carryOut(on: branch) : plan.hazards()
      return (try answer(obtained, notes: granted.notes, context.store), notes)
    } catch {
      // A fork that is not fit for use must not look like one that is.
      if obtained.isNew { try? context.store.delete([name], force: true) }
      throw error
    }
  }

  /// Where it is made, as far as that is there.
  private func domain(_ store: Store) throws(StoreError) -> Domain {
    if let from { return try store.entry(from).domain }
    let known = try store.domains()
    if let domain, let found = known.first(where: { $0.description.hasBytes(of: domain) }) {
      return found
    }
    let dataClass = domain.flatMap(DataClass.init) ?? .raw
    return known.first { $0.dataClass == dataClass } ?? known[0]
  }

  private func branch(
    _ source: GrantedSource?, _ terms: EntryTerms, _ context: RequestContext
  ) throws(StoreError) -> ObtainedBranch {
    let store = context.store
    guard orExisting || orReset else {
      let branch = try store.createBranch(name, from: from, domain: domain, terms: terms)
      return ObtainedBranch(branch: branch, isNew: true, wasExpired: false)
    }
    if orReset, !force, try store.entries(in: .live).contains(where: { $0.name.hasBytes(of: name) })
    {
      try BranchUse.refuse([name], context)
    }
    return try store.obtainBranch(
      name, from: from, domain: domain, terms: terms, isResetting: orReset, force: force,
      isSameOrigin: { source?.isOrigin(of: $0) ?? false })
  }

  private func answer(
    _ obtained: ObtainedBranch, notes: [String], _ store: Store
  ) throws(StoreError) -> Answer {
    let entry = try store.entry(name)
    let kept = obtained.isNew ? [] : terms?.notes(ofKeptBy: entry) ?? []
    return Answer(
      entry,
      Answer.Addition(
        from: from, isNew: obtained.isNew, wasExpired: obtained.wasExpired,
        isReset: orReset && !obtained.isNew, notes: notes + kept))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      /// What it is made from.
      package var from: String?
      package var isNew: Bool
      /// Whether it was there, and had expired.
      package var wasExpired: Bool
      /// Whether it was there, and has the state of what it was made from.
      package var isReset: Bool
      /// What was done besides, and what to mind; one sentence each.
      package var notes: [String]
    }

    package var report: EntryInfo
    package var addition: Addition

    package init(_ report: EntryInfo, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}
