package import Coppice

package struct DomainListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/domains", "List the trust domains.")

  package init() {}

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let entries = try context.store.entries()
    return Answer(
      domains: try context.store.domains().map { domain in
        DomainAnswer(
          domain,
          branchCount: entries.count { !$0.isSnapshot && $0.domain.number == domain.number })
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

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    guard let dataClass = DataClass(rawValue: `class` ?? DataClass.raw.rawValue) else {
      let all = DataClass.allCases.map(\.rawValue).joined(separator: ", ")
      throw StoreError(
        .invalid, "there is no such class of data", object: `class` ?? "",
        remedy: "write one of \(all)")
    }
    return DomainAnswer(
      try context.store.createDomain(named: name, class: dataClass), branchCount: 0)
  }
}

/// A trust domain as answers have it.
package struct DomainAnswer: Codable, Sendable {
  /// None where a repair put the catalogue together: then the number stands for it.
  package var name: String?
  package var number: UInt32
  package var `class`: String
  /// Without deleted ones.
  package var branchCount: Int

  init(_ domain: Domain, branchCount: Int) {
    name = domain.name
    number = domain.number
    `class` = domain.dataClass.rawValue
    self.branchCount = branchCount
  }
}
