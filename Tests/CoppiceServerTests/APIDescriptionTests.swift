import Coppice
import CoppiceServer
import Logging
import TestSupport
import Testing

/// The OpenAPI document says what the routes are.
@Suite struct APIDescriptionTests {
  private static let all: [any WireRequest.Type] =
    RequestCatalogue.storeRequests.map { $0 } + RequestCatalogue.serverRequests.map { $0 }

  private func fields(_ value: JSONValue?) -> [String: JSONValue] {
    if case .object(let fields)? = value { fields } else { [:] }
  }

  private func elements(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let elements)? = value { elements } else { [] }
  }

  private func operation(_ route: Route) -> JSONValue? {
    APIDescription.document["paths"]?[route.path]?[route.method.rawValue.lowercased()]
  }

  @Test func `it has the routes that the server has, and no others`() throws {
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    let server = ServerState(
      store, directory: store.directory, doors: Doors(), works: RunningWorks(),
      mounting: { _, _, _ throws(StoreError) in FakeDoor("/mnt") },
      instances: InstanceOptions(program: "coppice"), logger: Logger(label: "test")
    ) {}
    let described = fields(APIDescription.document["paths"]).flatMap { path, operations in
      fields(operations).keys.map { "\($0.uppercased()) \(path)" }
    }
    let served = ControlRoutes(server).served
    #expect(described.sorted() == served.filter { !$0.hasSuffix("openapi.json") }.sorted())
    #expect(Set(served).count == served.count)
    #expect(served.count == Self.all.count + 1)
  }

  @Test func `every field of a request is a parameter or in its body`() throws {
    for type in Self.all {
      let described = operation(type.route)
      let operation = try #require(described, "\(type)")
      let parameters = elements(operation["parameters"])
      let inPath = parameters.filter { $0["in"]?.text == "path" }.compactMap { $0["name"]?.text }
      #expect(inPath.sorted() == type.route.pathFields.sorted(), "\(type)")
      let schema = operation["requestBody"]?["content"]?["application/json"]?["schema"]
      let named =
        parameters.compactMap { $0["name"]?.text } + fields(schema?["properties"]).keys
      #expect(named.sorted() == Shape(of: type).fields.map(\.name).sorted(), "\(type)")
    }
  }

  @Test func `an answer's schema has the keys that the answer has`() throws {
    let route = BranchListRequest.route
    let schema = operation(route)?["responses"]?["200"]?["content"]?["application/json"]?["schema"]
    let branch = schema?["properties"]?["branches"]?["items"]
    #expect(
      fields(branch?["properties"]).keys.sorted() == [
        "addedByteCount", "class", "createdAt", "deletedAt", "domain", "domainNumber", "expiredAt",
        "expiresAt", "id", "isApproved", "isSnapshot", "keepUntil", "labels", "leaseUntil",
        "maxStoredByteCount", "measuredAt", "name", "openFileCount", "owner", "parent",
        "protectedUntil", "protectionReason", "state",
      ])
    let required = elements(branch?["required"]).compactMap(\.text)
    #expect(required.contains("name") && required.contains("parent"))
    #expect(branch?["properties"]?["name"] == ["type": "string"])
    let parent = elements(branch?["properties"]?["parent"]?["anyOf"])
    #expect(parent == [["type": "string"], ["type": "null"]])
  }

  @Test func `references lead somewhere, and operations have different names`() {
    func references(_ value: JSONValue) -> [String] {
      switch value {
      case .object(let fields):
        fields.flatMap { name, value in
          name == "$ref" ? [value.text ?? ""] : references(value)
        }
      case .array(let values): values.flatMap(references)
      default: []
      }
    }
    for reference in references(APIDescription.document) {
      let target = reference.split(separator: "/").dropFirst().reduce(
        Optional(APIDescription.document)
      ) { $0?[String($1)] }
      #expect(target != nil, "\(reference)")
    }
    let names = Self.all.compactMap { operation($0.route)?["operationId"]?.text }
    #expect(Set(names).count == Self.all.count)
  }
}
