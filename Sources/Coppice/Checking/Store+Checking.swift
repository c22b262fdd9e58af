internal import CoppiceEngine
internal import CoppicePlatform

/// What a check looked at, and what it found.
public struct CheckReport: Hashable, Sendable, Codable {
  /// Whether the store is sound, as far as a check reads it.
  public var isClean: Bool
  /// At most 1,000, and what is wrong with names.
  public var findings: [Finding]
  /// Findings that are not listed.
  public var omittedCount: Int
  /// Segment files.
  public var segmentCount: Int
  /// Bundles of pages and nodes in these.
  public var bundleCount: Int
  /// Pages, nodes and notes that the segments list.
  public var frameCount: Int
  /// Nodes of manifests that were read.
  public var nodeCount: Int
  /// References to pages in them; the pages themselves are not read.
  public var pageRefCount: Int

  fileprivate init(
    _ report: CoppiceEngine.CheckReport, names: [Finding], paths: FilePaths
  ) {
    findings = report.findings.map { Finding($0, paths) } + names
    isClean = findings.isEmpty
    omittedCount = report.omittedCount
    segmentCount = report.segmentCount
    bundleCount = report.bundleCount
    frameCount = report.frameCount
    nodeCount = report.nodeCount
    pageRefCount = report.pageRefCount
  }
}

/// How far a check has come.
public struct CheckProgress: Hashable, Sendable, Codable {
  /// What is looked at, in this order.
  public enum Stage: String, Sendable, CaseIterable, Codable {
    /// Superblock and catalogue.
    case files
    /// Records that the newest catalogue does not have yet.
    case journal
    /// The directories of segments.
    case segments
    /// The trees of nodes that lead to pages.
    case manifests
    /// What findings mean for files.
    case affected
  }

  /// What is looked at now.
  public var stage: Stage
  /// How much of the stage is done, of `totalCount`, in units of its own.
  public var doneCount: Int
  /// How much it is in all.
  public var totalCount: Int

  fileprivate init(_ progress: CoppiceEngine.CheckProgress) {
    stage =
      switch progress.stage {
      case .files: .files
      case .journal: .journal
      case .segments: .segments
      case .manifests: .manifests
      case .affected: .affected
      }
    doneCount = progress.doneCount
    totalCount = progress.totalCount
  }
}

extension Store {
  /// Checks every structure of the store beside its readers and writers, as it is now: superblock,
  /// catalogue, journal, directories of segments, manifests, and names where all these are sound.
  /// It reads no pages: `scrub` does. Changes nothing and never stops at a finding. Takes time in
  /// proportion to all pages and nodes that are stored; no checkpoint ends while it reads the
  /// journal, nothing else waits for it.
  ///
  /// Throws `unavailable` once it is cancelled, or when the system lacks what reading takes.
  /// - Parameters:
  ///   - isCancelled: asked now and then, on the thread that calls.
  ///   - progress: told now and then, on the same thread, how far it is.
  public func check(
    isCancelled: (@Sendable () -> Bool)? = nil, progress: ((CheckProgress) -> Void)? = nil
  ) throws(StoreError) -> CheckReport {
    let report = try engine.checks.check { step in
      progress?(CheckProgress(step))
      return !(isCancelled?() ?? false)
    }
    let names = report.findings.isEmpty ? try nameFindings() : []
    return CheckReport(report, names: names, paths: FilePaths(self))
  }

  /// Checks a store that nobody has open for writing, and that may be too damaged to open: what
  /// keeps it from opening is a finding then, and what the catalogue alone leads to is checked.
  /// Otherwise as `check` of an open store.
  ///
  /// Throws what opening throws when that says nothing of what is stored: `notFound`, `inUse`,
  /// `denied`, `unsupportedFormat`.
  public static func check(
    at directory: String, isCancelled: (@Sendable () -> Bool)? = nil,
    progress: ((CheckProgress) -> Void)? = nil
  ) throws(StoreError) -> CheckReport {
    let disk = try disk(at: directory)
    let report = try Engine.check(disk: disk, clock: SystemClock(), options: EngineOptions()) {
      progress?(CheckProgress($0))
      return !(isCancelled?() ?? false)
    }
    guard report.findings.isEmpty else {
      // Without paths a finding still says everything else.
      let store = try? open(at: directory, options: Options(isReadOnly: true))
      defer { try? store?.close() }
      return CheckReport(report, names: [], paths: FilePaths(store))
    }
    let store = try open(at: directory, options: Options(isReadOnly: true))
    defer { try? store.close() }
    return CheckReport(report, names: try store.nameFindings(), paths: FilePaths(store))
  }

  /// What is wrong with the names of branches: trees that are whole, but do not agree in
  /// themselves.
  private func nameFindings() throws(StoreError) -> [Finding] {
    var findings: [Finding] = []
    for entry in try entries() {
      let object = "names of \(entry.name)"
      do throws(StoreError) {
        findings += try tree(entry.name).core.checkNames().map {
          Finding(object: object, message: $0)
        }
      } catch {
        switch error.kind {
        // It was deleted or renamed meanwhile.
        case .notFound: continue
        case .corrupt: findings.append(Finding(object: object, message: "\(error)"))
        default: throw error
        }
      }
    }
    return findings
  }
}
