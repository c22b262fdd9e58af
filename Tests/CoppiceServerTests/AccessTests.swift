import Coppice
import CoppiceLifecycle
import CoppiceServer
import Testing

/// What requests say of the rights that they need.
@Suite struct AccessTests {
  private static let all: [any WireRequest.Type] =
    RequestCatalogue.storeRequests.map { $0 } + RequestCatalogue.serverRequests.map { $0 }

  /// The fields that name entries, baselines or domains. A field that a request has, and that
  /// stands neither here nor below, fails the test.
  private static let names: Set = [
    "name", "newName", "names", "from", "to", "keepOld", "entry", "branch", "old", "new", "domain",
    "files.entry", "reference", "snapshot",
  ]

  /// Texts that name something else, or nothing.
  private static let others: Set = [
    "path", "files.path", "class", "directory", "source", "source.name", "source.shown",
    "target.name", "target.shown", "file.name", "file.shown", "attestation.name",
    "attestation.shown", "owner", "labels", "remove", "terms.owner", "terms.labels",
    "ScrubRequest.from", "document", "ifMatch", "role", "reason", "settings", "unset", "login",
    "database", "refresh", "preparation.freezing", "preparation.rateMax", "preparation.accepted",
    "preparation.statements.database", "preparation.statements.text",
    // Pools, what they have, and how they are reached: none of it is in the store.
    "remote", "target", "copy", "copies", "only", "keyFile", "label", "command", "folder",
    "place.url", "place.endpoint", "place.region", "place.credentials", "place.certificateFile",
    "place.keyFile", "place.keyCommand",
  ]

  /// How the values of a request are made.
  private struct Filling {
    var type: String
    var withOptional: Bool
    var booleans: Bool
    var elementCount: Int
    /// The values of fields that are names.
    var given: [String] = []

    mutating func value(_ shape: Shape, at path: String) -> JSONValue {
      switch shape {
      case .boolean: return .boolean(booleans)
      case .integer, .number: return .unsigned(1)
      case .time: return "2026-11-23T03:10:00.123Z"
      case .choice(let texts): return .string(texts[0])
      case .string: return .string(text(at: path))
      case .array(let element):
        return .array((0..<elementCount).map { _ in value(element, at: path) })
      case .object(let fields):
        var object: [String: JSONValue] = [:]
        for field in fields where withOptional || !field.isOptional {
          object[field.name] = value(
            field.shape, at: path.isEmpty ? field.name : "\(path).\(field.name)")
        }
        return .object(object)
      }
    }

    private mutating func text(at path: String) -> String {
      if AccessTests.others.contains(path) || AccessTests.others.contains("\(type).\(path)") {
        return "other"
      }
      #expect(AccessTests.names.contains(path), "does \(path) of \(type) name an entry?")
      let value = "\(path)-\(given.count)"
      given.append(value)
      return value
    }
  }

  private func name(_ object: Access.Object) -> String? {
    switch object {
    case .entry(let name), .new(let name), .source(let name), .baseline(let name),
      .domain(let name):
      name
    case .store: nil
    }
  }

  private func check<Request: WireRequest>(_ type: Request.Type, _ filling: Filling) throws {
    var filling = filling
    let value = filling.value(Shape(of: type), at: "")
    let request = try JSON.decode(type, from: JSON.encode(value))
    let claims = request.access.claims
    #expect(Set(claims.compactMap { name($0.object) }) == Set(filling.given), "\(type)")
    // What names nothing is about the store, and so is what names entries but none of them.
    #expect(!claims.isEmpty, "\(type)")
    let isWhole = claims.contains { $0.object == .store }
    #expect(isWhole == filling.given.isEmpty, "\(type)")
    try Principal.administrator.check(request.access)
    for role in Principal.Role.allCases where role != .administrator {
      let principal = Principal(role: role, name: "somebody", classes: ["raw"])
      let error = #expect(throws: StoreError.self) { try principal.check(request.access) }
      #expect(error?.kind == .denied, "\(type)")
    }
  }

  @Test(arguments: [0, 2], [false, true])
  func `the objects of every request are what its fields name`(
    elementCount: Int, isFull: Bool
  ) throws {
    for type in Self.all {
      for booleans in [false, true] {
        try check(
          type,
          Filling(
            type: "\(type)", withOptional: isFull, booleans: booleans, elementCount: elementCount))
      }
    }
  }

  @Test func `what a request does besides takes a right of its own`() {
    func delete(now: Bool) -> Access {
      BranchDeleteRequest(
        names: ["a", "b"], ifExists: false, snapshots: false, force: false, now: now, dryRun: false
      ).access
    }
    #expect(delete(now: false) == Access(.end, .entry("a"), .entry("b")))
    #expect(
      delete(now: true) == delete(now: false) + Access(.giveUpWindow, .entry("a"), .entry("b")))
    let reset = BranchResetRequest(
      name: "mine", to: "main@one", keepOld: "old", force: false, dryRun: false)
    #expect(
      reset.access
        == Access(.change, .entry("mine")).and(.create, .source("main@one"))
        .and(.create, .new("old")))
  }
}
