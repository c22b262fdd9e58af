public import CoppicePools
internal import NIOHTTP1

/// Reads: what is not exactly what was asked for is thrown away.
extension S3Store {
  public func get(
    _ key: ObjectKey, _ range: Range<Int>?
  ) throws(ObjectStoreError) -> FetchedObject {
    precondition(range.map { !$0.isEmpty && $0.lowerBound >= 0 } ?? true)
    var request = S3Request(.GET, key)
    request.range = range
    request.answerByteCountMax = range?.count ?? ObjectLimits.byteCountMax
    return try perform(request, mayAskTwice: true) { answer in
      switch answer {
      case .success(let answer): Self.read(answer, key, range)
      case .failure(let failure) where failure.status == 200 && range != nil:
        Self.ignoredRange(key)
      case .failure(let failure): .failed(Self.problem(failure, key))
      }
    }
  }

  private static func read(
    _ answer: HTTPAnswer, _ key: ObjectKey, _ range: Range<Int>?
  ) -> S3Reading<FetchedObject> {
    guard (200..<300).contains(answer.status) else { return .failed(S3Problem(answer, key)) }
    guard !answer.isEncoded else {
      return .unusable("the object came in another encoding", key, kind: .invalid)
    }
    guard let tag = answer.tag else {
      return .unusable("the object came without a tag", key, kind: .invalid)
    }
    guard let range else {
      // A body that ends with its connection may have ended with it too early.
      let isWhole =
        answer.contentLength.map { $0 == answer.body.count }
        ?? answer.headers["transfer-encoding"].contains { $0.lowercased() == "chunked" }
      guard answer.status == 200, isWhole else {
        return .unusable("not all of the object came", key)
      }
      return .value(FetchedObject(bytes: answer.body, tag: tag, byteCount: answer.body.count))
    }
    guard answer.status == 206 else { return ignoredRange(key) }
    guard let content = answer.contentRange else {
      return .unusable("a range of the object came without saying which", key, kind: .invalid)
    }
    if content.byteCount < range.upperBound {
      return .failed(
        S3Problem(
          ObjectStoreError(
            .beyondEnd, "the object ends before what was asked for", key: key,
            cause: "it has \(content.byteCount) bytes"), isPassing: false))
    }
    guard content.range == range, answer.body.count == range.count else {
      return .unusable(
        "another range of the object came than was asked for", key,
        cause: "\(content.range), \(answer.body.count) bytes, instead of \(range)")
    }
    return .value(FetchedObject(bytes: answer.body, tag: tag, byteCount: content.byteCount))
  }

  private static func ignoredRange<Value>(_ key: ObjectKey) -> S3Reading<Value> {
    .unusable("the store sends an object when a range of it is asked for", key, kind: .invalid)
  }

  public func head(_ key: ObjectKey) throws(ObjectStoreError) -> ObjectStatus {
    do throws(ObjectStoreError) { return try status(of: key) } catch {
      guard error.kind == .missing else { throw error }
      // The answer to HEAD does not tell whether the bucket is missing; that to GET does.
      do throws(ObjectStoreError) {
        let found = try get(key, 0..<1)
        return ObjectStatus(tag: found.tag, byteCount: found.byteCount)
      } catch let second {
        throw second.kind == .beyondEnd ? error : second
      }
    }
  }

  private func status(of key: ObjectKey) throws(ObjectStoreError) -> ObjectStatus {
    try perform(S3Request(.HEAD, key)) { answer in
      switch answer {
      case .failure(let failure): return .failed(Self.problem(failure, key))
      case .success(let answer):
        guard (200..<300).contains(answer.status) else { return .failed(S3Problem(answer, key)) }
        guard let tag = answer.tag, let byteCount = answer.contentLength, !answer.isEncoded else {
          return .unusable("the store does not tell tag and byte count", key, kind: .invalid)
        }
        return .value(ObjectStatus(tag: tag, byteCount: byteCount))
      }
    }
  }

  /// Of a part of a list; some 1,000 keys with what is said of each.
  private static let listByteCountMax = 8 << 20

  public func list(
    _ prefix: String, from place: ListPlace?
  ) throws(ObjectStoreError) -> ObjectPage {
    var request = S3Request(.GET, nil)
    request.query = [
      ("list-type", "2"), ("max-keys", "\(settings.limits.listCount)"),
      ("prefix", settings.location.name(of: prefix)),
    ]
    if let place { request.query.append(("continuation-token", place.token)) }
    request.answerByteCountMax = Self.listByteCountMax
    return try perform(request) { answer in
      switch answer {
      case .failure(let failure): return .failed(Self.problem(failure, nil))
      case .success(let answer):
        guard answer.status == 200 else { return .failed(S3Problem(answer, nil)) }
        guard let list = XMLElement(answer.body), list.name == "ListBucketResult" else {
          return .unusable("the store's list cannot be read", nil)
        }
        return Self.page(list, settings.location, from: place)
      }
    }
  }

  private static func page(
    _ list: XMLElement, _ location: S3Location, from place: ListPlace?
  ) -> S3Reading<ObjectPage> {
    var objects: [ListedObject] = []
    for entry in list.children(named: "Contents") {
      guard let name = entry.text(of: "Key"), let size = entry.text(of: "Size").flatMap({ Int($0) })
      else { return .unusable("the store's list cannot be read", nil) }
      guard let key = location.key(ofName: name) else { continue }
      objects.append(ListedObject(key: key, byteCount: size))
    }
    // Otherwise a store that begins at the same place again would be asked for ever.
    var last = place?.lastKey
    for object in objects {
      if let last, object.key <= last {
        return .unusable("the store's list is in no order", nil, kind: .invalid)
      }
      last = object.key
    }
    guard list.text(of: "IsTruncated") == "true" else {
      return .value(ObjectPage(objects: objects, next: nil))
    }
    guard let token = list.text(of: "NextContinuationToken"), token != place?.token else {
      return .unusable("the store's list has no end", nil, kind: .invalid)
    }
    return .value(ObjectPage(objects: objects, next: ListPlace(token: token, lastKey: last)))
  }
}
