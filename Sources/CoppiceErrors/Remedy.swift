/// What the user can do about a failure: text, in which steps that each front end has its own words
/// for are kept apart. As it is printed it speaks of this library.
public struct Remedy: Hashable, Sendable, CustomStringConvertible {
  /// Something to be done that every front end has its own words for.
  public enum Step: Hashable, Sendable {
    /// Make a store.
    case create
    /// Tell the names of branches and snapshots.
    case listBranches
    /// Tell the names of deleted ones that can be restored.
    case listDeletedBranches
    case listDeletedSnapshots
    /// Verify every structure, but for the content of pages.
    case check
    /// Read and verify all that is stored.
    case scrub
    /// Mend what has another copy.
    case repair
    /// Repair, though that drops what was acknowledged.
    case repairAcceptingLoss
    /// Reclaim what nothing refers to.
    case collect
    /// Delete a branch so that nothing brings it back, and give its space back.
    case deleteForGood(branch: String)
    /// Let a branch add more bytes, or fewer.
    case setLimit(branch: String)
    /// Delete a branch with its snapshots.
    case deleteSnapshots
    /// Have an import make its target exactly like the source.
    case replaceTarget
    /// Import a tar stream.
    case importTar
    /// Export as a tar stream.
    case exportTar
    /// Import the output of a program as a tar stream.
    case importOutput
    /// Import a file of that path as a stream of its content.
    case importStream(of: String)
    /// List the frames of a segment.
    case listFrames
    /// Take protection from a branch or snapshot.
    case unprotect(String)
    /// Bring an expired branch back.
    case renew(String)
    /// Make no more branches of a baseline.
    case retire(baseline: String)
    /// Approve a snapshot of a branch.
    case approve(branch: String)
    /// Make a trust domain.
    case createDomain
    /// Copy all content of an entry into a branch by its bytes: a new one in a trust domain, or,
    /// without a domain, in place of what an existing one holds.
    case copy(of: String, into: String, domain: String?)
    /// Let this store write to a pool in place of the one that does.
    case takePool
    /// Let this store be a new member of a pool.
    case rejoinPool
    /// Make a store of a pool's family.
    case clonePool
  }

  private enum Part: Hashable, Sendable {
    case text(String)
    case step(Step)
  }

  private var parts: [Part] = []

  /// Text alone.
  public init(_ text: String) { if !text.isEmpty { parts = [.text(text)] } }

  /// Whether there is nothing to be done, or nothing that the message does not say.
  public var isEmpty: Bool { parts.isEmpty }

  /// The text, each step in the words of a front end.
  public func worded(_ words: (Step) -> String) -> String {
    parts.reduce(into: "") { text, part in
      switch part {
      case .text(let words): text += words
      case .step(let step): text += words(step)
      }
    }
  }

  /// The same remedy with every piece of its text changed.
  public func mapText(_ transform: (String) -> String) -> Remedy {
    var changed = self
    changed.parts = parts.map { part in
      if case .text(let text) = part { return .text(transform(text)) }
      return part
    }
    return changed
  }

  /// One behind the other, without anything in between.
  public static func + (first: Remedy, second: Remedy) -> Remedy {
    var both = first
    for part in second.parts { both.append(part) }
    return both
  }

  /// Text stays in one piece, so that equal remedies compare equal however they were written.
  private mutating func append(_ part: Part) {
    guard case .text(let text) = part else { return parts.append(part) }
    if case .text(let last) = parts.last {
      parts[parts.count - 1] = .text(last + text)
    } else if !text.isEmpty {
      parts.append(part)
    }
  }

  /// In the words of a program that uses the library.
  public var description: String { worded(\.libraryWords) }
}

extension Remedy.Step {
  /// How a program that uses the library does it.
  fileprivate var libraryWords: String {
    switch self {
    case .create: "`Store.create`"
    case .listBranches: "`Store.entries`"
    case .listDeletedBranches, .listDeletedSnapshots: "`Store.entries(in: .deleted)`"
    case .check: "`Store.check`"
    case .scrub: "`Store.scrub`"
    case .repair: "`Store.repair`"
    case .repairAcceptingLoss: "`Store.repair` with `acceptingLoss: true`"
    case .collect: "`Store.collectGarbage`"
    case .deleteForGood(let branch): "`Store.deleteForGood` of \(branch)"
    case .setLimit(let branch): "`Store.setLimit` of \(branch)"
    case .deleteSnapshots: "`includingSnapshots: true`"
    case .replaceTarget: "`ImportOptions.isReplacing`"
    case .importTar: "`ImportOptions.isTar`"
    case .exportTar: "`ExportOptions.isTar`"
    case .importOutput: "with its output imported as a tar stream"
    case .importStream(let path): "import \(path) as an open stream"
    case .listFrames: "the command `coppice inspect segment`"
    case .unprotect(let name): "`Store.unprotect` of \(name)"
    case .renew(let name): "`Store.renew` of \(name)"
    case .retire(let baseline): "the command `coppice baseline retire \(baseline)`"
    case .approve(let branch): "the command `coppice baseline approve \(branch)@SNAPSHOT`"
    case .createDomain: "`Store.createDomain`"
    case .copy(let source, let branch, let domain):
      "export \(source) with `FileTree.exportFiles` and import that into \(branch) with "
        + (domain == nil ? "`ImportOptions.isReplacing`" : "`ImportOptions.domain`")
    case .takePool: "let this store take the pool over"
    case .rejoinPool: "let this store rejoin the pool"
    case .clonePool: "make a store of the pool's family"
    }
  }
}

extension Remedy {
  /// For something damaged that every reader of the store's structures meets.
  public static let damagedStructure: Remedy =
    """
    \(step: .check) names the files that are concerned, and \(step: .repair) mends what can be \
    mended
    """

  /// For a damaged page or node.
  public static let damagedContent: Remedy =
    """
    \(step: .scrub) names the files that are concerned, and \(step: .repair) mends what has \
    another copy
    """
}

extension Remedy: ExpressibleByStringInterpolation {
  /// Gathers text and steps, `step:` for the latter.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var remedy = Remedy("")

    /// As the compiler calls it.
    public init(literalCapacity: Int, interpolationCount: Int) {}

    /// Text between interpolations.
    public mutating func appendLiteral(_ literal: String) {
      remedy.append(.text(literal))
    }

    /// A value as text.
    public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
      appendLiteral(value.description)
    }

    /// A step, which each front end has its own words for.
    public mutating func appendInterpolation(step: Step) { remedy.append(.step(step)) }

    /// All of another remedy.
    public mutating func appendInterpolation(_ other: Remedy) { remedy = remedy + other }
  }

  /// Text alone.
  public init(stringLiteral text: String) { self.init(text) }

  /// What the interpolation gathered.
  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.remedy }
}
