internal import Crypto
internal import NIOHTTP1

/// The objects of one bucket, and what requests do to them. Guarded by the server.
struct S3Objects {
  struct Object {
    var bytes: [UInt8]
    var tag: String
  }

  private(set) var objects: [String: Object] = [:]
  /// What objects were before they were written last.
  private var former: [String: Object] = [:]

  mutating func set(_ name: String, _ bytes: [UInt8]?) {
    former[name] = objects[name]
    objects[name] = bytes.map { Object(bytes: $0, tag: Self.tag($0)) }
  }

  private static func tag(_ bytes: [UInt8]) -> String {
    S3SignatureCheck.hexadecimal(Insecure.MD5.hash(data: bytes))
  }

  /// Why a write must not be done; `nil` when it may.
  func refusal(_ request: S3Request, _ behaviour: S3Behaviour) -> S3Response? {
    let (create, match) = (request.header("if-none-match"), request.header("if-match"))
    guard create != nil || match != nil else { return nil }
    switch behaviour.conditions {
    case .ignored: return nil
    case .unsupported: return .error(501, "NotImplemented")
    case .kept, .checkedEarly: break
    }
    let refused = S3Response.error(behaviour.refusedStatus, "PreconditionFailed")
    let object = objects[request.place.name]
    if create != nil { return object == nil ? nil : refused }
    guard let match else { return nil }
    guard let object else {
      return behaviour.missingStatus == 200
        ? nil : .error(behaviour.missingStatus, behaviour.missingStatus == 404 ? "NoSuchKey" : "")
    }
    let isSame =
      switch behaviour.tags {
      case .quoted: match == "\"\(object.tag)\""
      case .plain: match == object.tag
      case .either: match == object.tag || match == "\"\(object.tag)\""
      }
    return isSame ? nil : refused
  }

  /// What a write comes to whose condition holds.
  mutating func write(_ request: S3Request, _ behaviour: S3Behaviour) -> S3Response {
    let name = request.place.name
    set(name, request.body)
    return S3Response(200, headers: [tagHeader(Self.tag(request.body), behaviour)])
  }

  /// What any other request comes to.
  mutating func answer(
    _ request: S3Request, _ behaviour: S3Behaviour, _ effect: S3Effect?
  ) -> S3Response {
    let name = request.place.name
    switch request.method {
    case "PUT":
      return refusal(request, behaviour) ?? write(request, behaviour)
    case "DELETE":
      if objects[name] != nil { set(name, nil) }
      return S3Response(204)
    case "GET" where name.isEmpty: return list(request)
    case "GET", "HEAD":
      var object = objects[name]
      if case .oldBody? = effect { object = former[name] }
      guard let object else {
        return behaviour.hidesMissing ? .error(403, "AccessDenied") : .error(404, "NoSuchKey")
      }
      return read(request, object, behaviour, effect)
    default: return .error(405, "MethodNotAllowed")
    }
  }

  private func tagHeader(_ tag: String, _ behaviour: S3Behaviour) -> (String, String) {
    ("ETag", behaviour.quotesTags ? "\"\(tag)\"" : tag)
  }

  private func read(
    _ request: S3Request, _ object: Object, _ behaviour: S3Behaviour, _ effect: S3Effect?
  ) -> S3Response {
    var response = S3Response(200, headers: [tagHeader(object.tag, behaviour)], body: object.bytes)
    if request.method == "HEAD" {
      response.byteCount = object.bytes.count
      response.body = []
      return response
    }
    if case .wholeObject? = effect { return response }
    guard let range = request.header("range"), range.hasPrefix("bytes=") else { return response }
    let bounds = range.dropFirst(6).split(separator: "-").compactMap { Int($0) }
    guard bounds.count == 2, bounds[0] <= bounds[1] else { return .error(400, "InvalidArgument") }
    guard bounds[0] < object.bytes.count else { return .error(416, "InvalidRange") }
    var (first, last) = (bounds[0], min(bounds[1], object.bytes.count - 1))
    if case .otherRange? = effect {
      (first, last) = first > 0 ? (first - 1, last - 1) : (first + 1, last + 1)
    }
    response.status = 206
    response.body = Array(object.bytes[first...min(last, object.bytes.count - 1)])
    response.headers.append(("Content-Range", "bytes \(first)-\(last)/\(object.bytes.count)"))
    return response
  }

  private func list(_ request: S3Request) -> S3Response {
    let prefix = request.query("prefix") ?? ""
    let count = request.query("max-keys").flatMap { Int($0) } ?? 1000
    // Tokens that are no keys, so that nobody takes them for any.
    let token = request.query("continuation-token").map { String($0.dropFirst(2).reversed()) }
    let start = token ?? request.query("start-after") ?? ""
    let names = objects.keys.filter {
      $0.utf8.starts(with: prefix.utf8) && start.utf8.lexicographicallyPrecedes($0.utf8)
    }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let page = names.prefix(count)
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    text += "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    text += "<Name>\(request.place.bucket)</Name><Prefix>\(Self.escaped(prefix))</Prefix>"
    text += "<KeyCount>\(page.count)</KeyCount><MaxKeys>\(count)</MaxKeys>"
    text += "<IsTruncated>\(page.count < names.count)</IsTruncated>"
    if page.count < names.count, let last = page.last {
      let token = "t/" + String(last.reversed())
      text += "<NextContinuationToken>\(Self.escaped(token))</NextContinuationToken>"
    }
    for name in page {
      guard let object = objects[name] else { continue }
      text += "<Contents><Key>\(Self.escaped(name))</Key>"
      text += "<ETag>&quot;\(object.tag)&quot;</ETag><Size>\(object.bytes.count)</Size></Contents>"
    }
    text += "</ListBucketResult>"
    return S3Response(200, headers: [("Content-Type", "application/xml")], body: Array(text.utf8))
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.append(character)
      }
    }
  }
}
