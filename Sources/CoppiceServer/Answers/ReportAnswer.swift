/// An answer that is a report of the library and what the request adds to it: one object in JSON,
/// with the keys of both.
@dynamicMemberLookup
package protocol ReportAnswer: Codable, Sendable {
  associatedtype Report: Codable & Sendable
  associatedtype Addition: Codable & Sendable

  var report: Report { get }
  var addition: Addition { get }

  init(_ report: Report, _ addition: Addition)
}

extension ReportAnswer {
  package init(from decoder: any Decoder) throws {
    self.init(try Report(from: decoder), try Addition(from: decoder))
  }

  package func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    try addition.encode(to: encoder)
  }

  package subscript<Value>(dynamicMember path: KeyPath<Report, Value>) -> Value {
    report[keyPath: path]
  }

  package subscript<Value>(dynamicMember path: KeyPath<Addition, Value>) -> Value {
    addition[keyPath: path]
  }
}
