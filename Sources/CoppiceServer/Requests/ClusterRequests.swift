package import Coppice
package import CoppiceInstances
package import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL

package struct ClusterPrepareRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/clusters/prepare", "Make a snapshot on which a server of PostgreSQL starts at once."
  )
  package static let isCancellable = true

  /// The branch or snapshot that has the cluster.
  package var reference: String
  /// The snapshot that is made.
  package var snapshot: String
  package var preparation: BaselinePreparation

  package init(reference: String, snapshot: String, preparation: BaselinePreparation) {
    self.reference = reference
    self.snapshot = snapshot
    self.preparation = preparation
  }

  package var isReadOnly: Bool { false }

  package var access: Access {
    Access(.create, .new(snapshot)).and(.create, .source(reference))
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let prepared = try context.needRefresher().prepare(
      reference, as: snapshot, preparation, BaselineRefresher.Asked(context))
    return Answer(prepared, Answer.Addition(snapshot: snapshot, reference: reference))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var snapshot: String
      package var reference: String
    }

    package var report: PreparedCluster
    package var addition: Addition

    package init(_ report: PreparedCluster, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

package struct ClusterCheckRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/clusters/check", "Look whether a PostgreSQL is fit to be a source of branches.")
  package static let isCancellable = true

  /// `postgres:SERVICE`, or a branch or snapshot.
  package var source: String

  package init(source: String) { self.source = source }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.addBaseline, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let findings = try context.needRefresher().check(source, BaselineRefresher.Asked(context))
    return Answer(
      source: source, stops: findings.contains { $0.code.stops },
      findings: findings.map(Answer.Found.init))
  }

  package struct Answer: Codable, Sendable {
    package struct Found: Codable, Sendable {
      package var code: String
      /// `nil`: it is about the whole cluster.
      package var database: String?
      package var objects: [String]
      package var message: String

      init(_ finding: ClusterFinding) {
        code = finding.code.rawValue
        database = finding.database
        objects = finding.objects
        message = finding.text
      }
    }

    package var source: String
    /// Whether a baseline of it is refused for one of them.
    package var stops: Bool
    package var findings: [Found]
  }
}
