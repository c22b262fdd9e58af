package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

package struct CheckRequest: StoreRequest {
  package static let route = Route(.post, "/v1/check", "Verify every structure of the store.")

  package init() {}

  package var isReadOnly: Bool { true }

  /// Checks the store beside its readers and writers, as it is now.
  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let report = try context.store.engine.checks.check { context.work.goesOn(with: $0) }
    let names = report.findings.isEmpty ? try Self.nameFindings(context.store) : []
    return Answer(report, names: names, paths: FilePaths(context.store))
  }

  /// Without a server the store may be too damaged to open: what keeps it from opening is then a
  /// finding.
  package func runAlone(_ alone: StandaloneContext) throws(StoreError) -> Attempt<Answer> {
    let disk = try DirectoryDisk.ofStore(alone.directory)
    let report: CheckReport
    do throws(StoreError) {
      report = try Engine.check(disk: disk, clock: SystemClock(), options: EngineOptions()) {
        alone.work.goesOn(with: $0)
      }
    } catch {
      guard error.kind == .inUse else { throw error }
      return .locked(error)
    }
    var options = Store.Options()
    options.isReadOnly = true
    guard report.findings.isEmpty else {
      // Without paths a finding still says everything else.
      let store = try? Store.open(at: alone.directory, options: options)
      defer { try? store?.close() }
      return .done(Answer(report, names: [], paths: FilePaths(store)))
    }
    let store = try Store.open(at: alone.directory, options: options)
    defer { try? store.close() }
    return .done(
      Answer(report, names: try Self.nameFindings(store), paths: FilePaths(store)))
  }

  /// What is wrong with the names of branches: trees that are whole, but do not agree in
  /// themselves.
  private static func nameFindings(_ store: Store) throws(StoreError) -> [FindingAnswer] {
    var findings: [FindingAnswer] = []
    for entry in try store.entries() {
      let object = "names of \(entry.name)"
      do throws(StoreError) {
        findings += try store.tree(entry.name).core.checkNames().map {
          FindingAnswer(object: object, message: $0)
        }
      } catch {
        switch error.kind {
        // It was deleted or renamed meanwhile.
        case .notFound: continue
        case .corrupt: findings.append(FindingAnswer(object: object, message: "\(error)"))
        default: throw error
        }
      }
    }
    return findings
  }

  package struct Answer: Codable, Sendable {
    package var isClean: Bool
    package var findings: [FindingAnswer]
    package var omittedCount: Int
    package var segmentCount: Int
    package var bundleCount: Int
    package var frameCount: Int
    package var nodeCount: Int
    package var pageRefCount: Int

    init(_ report: CheckReport, names: [FindingAnswer], paths: FilePaths) {
      findings = report.findings.map { FindingAnswer($0, paths) } + names
      isClean = findings.isEmpty
      omittedCount = report.omittedCount
      segmentCount = report.segmentCount
      bundleCount = report.bundleCount
      frameCount = report.frameCount
      nodeCount = report.nodeCount
      pageRefCount = report.pageRefCount
    }
  }
}

extension Work {
  /// Tells how far a check is; returns whether its outcome is still wanted.
  fileprivate func goesOn(with progress: CheckProgress) -> Bool {
    tell?(
      .check(
        stage: progress.stage.rawValue, doneCount: progress.doneCount,
        totalCount: progress.totalCount))
    return !isCancelled
  }
}
