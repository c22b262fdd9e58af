package import Coppice
package import CoppiceInstances
internal import CoppiceLifecycle

package struct InstanceStartRequest: ServerRequest {
  package static let route = Route(
    .post, "/v1/branches/{name}/instance/start",
    "Start the PostgreSQL of a branch, which is made if need be.")
  package static let isCancellable = true

  package var name: String
  /// The branch or snapshot that the branch is made from if there is none of that name.
  package var from: String?
  /// Of the branch: when it ends, whose it is, what is said of it.
  package var terms: RequestedTerms?
  /// Give the branch the state of what it was made from, if it exists.
  package var orReset: Bool
  package var port: Int?
  /// Settings, each `NAME=VALUE`.
  package var settings: [String]
  /// The role by which clients log in; the database's owner without.
  package var login: String?
  package var database: String?
  /// Log in as the cluster's first superuser.
  package var superuser: Bool
  /// How many seconds it may take; 60 without.
  package var wait: UInt64?

  package init(
    name: String, from: String? = nil, terms: RequestedTerms? = nil, orReset: Bool = false,
    port: Int? = nil, settings: [String] = [], login: String? = nil, database: String? = nil,
    superuser: Bool = false, wait: UInt64? = nil
  ) {
    self.name = name
    self.from = from
    self.terms = terms
    self.orReset = orReset
    self.port = port
    self.settings = settings
    self.login = login
    self.database = database
    self.superuser = superuser
    self.wait = wait
  }

  package var access: Access {
    Access(.change, .entry(name)).and(.create, from.map { .source($0) })
  }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    let wishes = InstanceWishes(
      port: port, settings: try SettingText.settings(settings), login: login, database: database,
      isSuperuser: superuser, waitSeconds: wait ?? InstanceWishes.waitSecondsUsual)
    let supervisor = try server.instances.supervisor()
    let work = context.work
    // What has no instance yet was not started.
    let startedBefore = try? supervisor.show(name).startedAt
    guard let from else {
      guard !orReset else {
        throw StoreError(
          .invalid, "a reset is for a branch that is made from another", object: name,
          remedy: "name what it is made from")
      }
      try checkIsolation(supervisor, context)
      let instance = try supervisor.start(name, wishes) { !work.isCancelled }
      let entry = try context.store.entry(name)
      let notes = terms.map { $0.notes(ofKeptBy: entry) + $0.notes(ofEndKeptBy: entry) } ?? []
      return Answer(
        instance,
        Answer.Addition(entry, wasRunning: instance.startedAt == startedBefore, notes: notes))
    }
    let create = BranchCreateRequest(
      name: name, from: from, orExisting: !orReset, orReset: orReset, terms: terms,
      postgres: true)
    let made: BranchCreateRequest.Answer
    if orReset, isThere(context.store) {
      // What cannot be leaves what is.
      try supervisor.verify(name, wishes)
      made = try supervisor.suspending([name], isStartingAgain: false) { () throws(StoreError) in
        try create.make(context).answer
      }
    } else {
      made = try create.make(context).answer
    }
    do throws(StoreError) {
      try checkIsolation(supervisor, context)
      let instance = try supervisor.start(name, wishes) { !work.isCancelled }
      let entry = try context.store.entry(name)
      return Answer(
        instance,
        Answer.Addition(
          entry, from: from, wasRunning: instance.startedAt == startedBefore, made.addition))
    } catch {
      // Nobody asked for a branch without its database.
      if made.addition.isNew { try? context.store.delete([name]) }
      if made.addition.wasExpired {
        try? context.store.expire([name], by: context.principal.knownName)
      }
      throw error
    }
  }

  /// Throws `denied` where whoever is in the database reaches more than the branch, and that comes
  /// of a baseline of raw data, unless the policy takes that risk.
  private func checkIsolation(
    _ supervisor: InstanceSupervisor, _ context: RequestContext
  ) throws(StoreError) {
    guard supervisor.isolation != .full else { return }
    let entry = try context.store.entry(name)
    guard entry.domain.dataClass == .raw,
      try context.store.annotations(of: name)[.origin] != nil
    else { return }
    let subject = PolicySubject(entry, context.principal)
    let rule = try context.store.policyDocument().policy.rule(for: subject)?.rule
    guard rule?.weakIsolation != true else { return }
    throw StoreError(
      .denied,
      "instances have the isolation '\(supervisor.isolation.rawValue)' here, and the branch comes "
        + "of a baseline of raw data",
      object: name,
      remedy: "run the server as root, branch from masked data, or allow weakIsolation in a rule "
        + "of the policy",
      reason: .policy)
  }

  private func isThere(_ store: Store) -> Bool {
    do throws(StoreError) {
      _ = try store.entry(name)
      return true
    } catch {
      return false
    }
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var from: String?
      /// Whether the branch was made just now.
      package var isNew: Bool
      /// Whether it was there, and had expired.
      package var wasExpired: Bool
      /// Whether it was there, and has the state of what it was made from.
      package var isReset: Bool
      /// Whether its server ran, and was not started now.
      package var wasRunning: Bool
      package var owner: String?
      package var labels: Labels
      package var expiresAt: Timestamp?
      package var leaseUntil: Timestamp?
      /// What to mind; one sentence each.
      package var notes: [String]

      fileprivate init(
        _ entry: EntryInfo, from: String? = nil, wasRunning: Bool,
        _ made: BranchCreateRequest.Answer.Addition? = nil, notes: [String] = []
      ) {
        self.from = from
        isNew = made?.isNew ?? false
        wasExpired = made?.wasExpired ?? false
        isReset = made?.isReset ?? false
        self.wasRunning = wasRunning
        owner = entry.owner
        labels = entry.labels
        expiresAt = entry.expiresAt
        leaseUntil = entry.leaseUntil
        self.notes = made?.notes ?? notes
      }
    }

    package var report: InstanceReport
    package var addition: Addition

    package init(_ report: InstanceReport, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

package struct InstanceStopRequest: ServerRequest {
  package typealias Answer = InstanceReport

  package static let route = Route(
    .post, "/v1/branches/{name}/instance/stop", "Stop the PostgreSQL of a branch.")

  package var name: String
  /// As a power cut would, instead of writing everything first.
  package var immediate: Bool

  package init(name: String, immediate: Bool = false) {
    self.name = name
    self.immediate = immediate
  }

  package var access: Access { Access(.change, .entry(name)) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    try server.instances.supervisor().stop(name, isImmediate: immediate)
  }
}

package struct InstanceRestartRequest: ServerRequest {
  package typealias Answer = InstanceReport

  package static let route = Route(
    .post, "/v1/branches/{name}/instance/restart",
    "Stop the PostgreSQL of a branch and start it again, with other settings perhaps.")

  package var name: String
  /// Settings to give, each `NAME=VALUE`.
  package var settings: [String]
  /// Names of settings to give no more.
  package var unset: [String]

  package init(name: String, settings: [String] = [], unset: [String] = []) {
    self.name = name
    self.settings = settings
    self.unset = unset
  }

  package var access: Access { Access(.change, .entry(name)) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    try server.instances.supervisor().restart(
      name,
      InstanceWishes(
        settings: try SettingText.settings(settings), unset: Set(unset.map(SettingText.name))))
  }
}

package struct InstanceListRequest: ServerRequest {
  package static let route = Route(
    .get, "/v1/instances", "List the branches that have a PostgreSQL.")

  package init() {}

  package var access: Access { Access(.see, .store) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    Answer(instances: try server.instances.list())
  }

  package struct Answer: Codable, Sendable {
    package var instances: [InstanceReport]
  }
}

package struct InstanceShowRequest: ServerRequest {
  package typealias Answer = InstanceReport

  package static let route = Route(
    .get, "/v1/branches/{name}/instance", "Tell how clients reach the PostgreSQL of a branch.")

  package var name: String
  /// Another one than its usual.
  package var database: String?

  package init(name: String, database: String? = nil) {
    self.name = name
    self.database = database
  }

  package var access: Access { Access(.content, .entry(name)) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    try server.instances.supervisor().show(name, database: database)
  }
}

package struct InstanceLogRequest: ServerRequest {
  package static let route = Route(
    .get, "/v1/branches/{name}/instance/log", "What the PostgreSQL of a branch printed last.")

  package static let byteCountUsual: UInt64 = 64 << 10

  package var name: String
  /// How much of it, at most 1 MiB; 64 KiB without.
  package var byteCount: UInt64?

  package init(name: String, byteCount: UInt64? = nil) {
    self.name = name
    self.byteCount = byteCount
  }

  package var access: Access { Access(.content, .entry(name)) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    let count = Int(min(byteCount ?? Self.byteCountUsual, 1 << 20))
    let bytes = try server.instances.supervisor().log(of: name, byteCount: count)
    return Answer(name: name, log: String(decoding: bytes, as: UTF8.self))
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    /// Whole lines; what is not UTF-8 is replaced.
    package var log: String
  }
}

/// Settings as requests have them.
enum SettingText {
  /// Throws `invalid` for one without `=`, and for a name that comes twice.
  static func settings(_ texts: [String]) throws(StoreError) -> [String: String] {
    var settings: [String: String] = [:]
    for text in texts {
      guard let sign = text.utf8.firstIndex(of: UInt8(ascii: "=")), sign != text.startIndex else {
        throw StoreError(
          .invalid, "a setting is written NAME=VALUE", object: text,
          remedy: "write for example work_mem=64MB")
      }
      let (name, value) = (
        Self.name(String(text[..<sign])), String(text[text.utf8.index(after: sign)...])
      )
      guard settings.updateValue(value, forKey: name) == nil else {
        throw StoreError(
          .invalid, "a setting is given twice", object: name, remedy: "give it once")
      }
    }
    return settings
  }

  /// PostgreSQL takes them in any case.
  static func name(_ text: String) -> String { text.lowercased() }
}
