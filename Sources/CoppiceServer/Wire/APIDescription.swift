/// The API as an OpenAPI 3.1 document, made from the catalogue of requests.
package enum APIDescription {
  package static let document: JSONValue = [
    "openapi": "3.1.0",
    "info": [
      "title": "Coppice",
      "version": "1",
      "description": .string(
        """
        Requests to the server of a store, over HTTP on the Unix socket 'control.sock' in the \
        store's directory. Only the server's user and root are served. A request that accepts \
        'application/x-ndjson' is answered with lines: any number of {"progress": ...}, then one \
        {"answer": ...} or {"error": ...}. An answer has all its keys; what is missing is null. \
        Files of whoever asks are named by the numbers of his descriptors. A path takes '-' for a \
        name that it cannot have, which the query then has.
        """),
    ],
    "paths": paths,
    "components": ["schemas": ["Error": schema(ofAnswer: Shape(of: ErrorAnswer.self))]],
  ]

  private static var paths: JSONValue {
    var paths: [String: [String: JSONValue]] = [:]
    let all: [any WireRequest.Type] =
      RequestCatalogue.storeRequests.map { $0 } + RequestCatalogue.serverRequests.map { $0 }
    for type in all {
      paths[type.route.path, default: [:]][type.route.method.rawValue.lowercased()] =
        operation(type)
    }
    return .object(paths.mapValues { .object($0) })
  }

  private static func operation<Request: WireRequest>(_ type: Request.Type) -> JSONValue {
    let route = Request.route
    let fields = Shape(of: type).fields
    let inPath = Set(route.pathFields)
    var operation: [String: JSONValue] = [
      "operationId": .string("\(type)".replacing("Request", with: "")),
      "summary": .string(route.summary),
      "responses": [
        "200": [
          "description": "Done.",
          "content": [
            "application/json": ["schema": schema(ofAnswer: Shape(of: Request.Answer.self))]
          ],
        ],
        "default": [
          "description": "Not done: each kind of error has a status of its own.",
          "content": [
            "application/json": ["schema": ["$ref": "#/components/schemas/Error"]]
          ],
        ],
      ],
    ]
    var parameters = fields.filter { inPath.contains($0.name) }.map { parameter($0, "path") }
    let others = fields.filter { !inPath.contains($0.name) }
    if route.method.hasBody {
      operation["requestBody"] = [
        "required": true,
        "content": ["application/json": ["schema": schema(of: .object(others))]],
      ]
    } else {
      parameters += others.map { parameter($0, "query") }
    }
    if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
    return .object(operation)
  }

  private static func parameter(_ field: Shape.Field, _ place: String) -> JSONValue {
    [
      "name": .string(field.name), "in": .string(place),
      "required": .boolean(place == "path" || isRequired(field)),
      "schema": schema(of: field.shape),
    ]
  }

  /// Booleans that are missing are false, lists empty.
  private static func isRequired(_ field: Shape.Field) -> Bool {
    switch field.shape {
    case .boolean, .array: false
    default: !field.isOptional
    }
  }

  /// An answer has all its keys; what is missing is null.
  private static func schema(ofAnswer shape: Shape) -> JSONValue {
    switch shape {
    case .boolean, .integer, .number, .string, .time, .choice: schema(of: shape)
    case .array(let element): ["type": "array", "items": schema(ofAnswer: element)]
    case .object(let fields):
      [
        "type": "object",
        "properties": .object(
          Dictionary(
            fields.map { field in
              let schema = schema(ofAnswer: field.shape)
              return (
                field.name, field.isOptional ? ["anyOf": [schema, ["type": "null"]]] : schema
              )
            }, uniquingKeysWith: { $1 })),
        "required": .array(fields.map { .string($0.name) }),
      ]
    }
  }

  private static func schema(of shape: Shape) -> JSONValue {
    switch shape {
    case .boolean: ["type": "boolean"]
    case .integer: ["type": "integer"]
    case .number: ["type": "number"]
    case .string: ["type": "string"]
    case .time: ["type": "string", "format": "date-time"]
    case .choice(let texts): ["type": "string", "enum": .array(texts.map(JSONValue.string))]
    case .array(let element): ["type": "array", "items": schema(of: element)]
    case .object(let fields):
      [
        "type": "object",
        "properties": .object(
          Dictionary(
            fields.map { ($0.name, schema(of: $0.shape)) }, uniquingKeysWith: { $1 })),
        "required": .array(fields.filter(isRequired).map { .string($0.name) }),
      ]
    }
  }
}
