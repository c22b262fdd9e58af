package import Coppice

package struct DomainListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/domains", "List the trust domains.")

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let entries = try context.store.entries(in: .named)
    return Answer(
      domains: try context.store.domains().map { domain in
        let count = entries.count { !$0.isSnapshot && $0.domain.number == domain.number }
        return DomainAnswer(domain, DomainAnswer.Addition(branchCount: count))
      })
  }

  package struct Answer: Codable, Sendable {
    package var domains: [DomainAnswer]
  }
}

package struct DomainCreateRequest: StoreRequest {
  package typealias Answer = DomainAnswer

  package static let route = Route(.post, "/v1/domains", "Make a trust domain.")

  package var name: String
  /// What data it holds: `raw`, `masked`, `schema` or `none`; `raw` without.
  package var `class`: String?

  package init(name: String, class dataClass: String?) {
    self.name = name
    `class` = dataClass
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.govern, .domain(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    guard let dataClass = DataClass(rawValue: `class` ?? DataClass.raw.rawValue) else {
      let all = DataClass.allCases.map(\.rawValue).joined(separator: ", ")
      throw StoreError(
        .invalid, "there is no such class of data", object: `class` ?? "",
        remedy: "write one of \(all)")
    }
    return DomainAnswer(
      try context.store.createDomain(named: name, class: dataClass),
      DomainAnswer.Addition(branchCount: 0))
  }
}

/// A trust domain and what is in it.
package struct DomainAnswer: ReportAnswer {
  package struct Addition: Codable, Sendable {
    /// Without deleted ones.
    package var branchCount: Int
  }

  package var report: Domain
  package var addition: Addition

  package init(_ report: Domain, _ addition: Addition) {
    self.report = report
    self.addition = addition
  }
}
