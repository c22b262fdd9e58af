internal import CoppicePlatform
public import CoppicePools
internal import NIOHTTP1

/// Writes: each is one PUT whose body the signature covers.
extension S3Store {
  public func create(
    _ key: ObjectKey, _ bytes: [UInt8]
  ) throws(ObjectStoreError) -> WriteOutcome {
    try change(Self.creation(key, bytes))
  }

  public func replace(
    _ key: ObjectKey, tagged tag: ObjectTag, by bytes: [UInt8]
  ) throws(ObjectStoreError) -> WriteOutcome {
    var request = Self.write(key, bytes)
    request.condition = ("if-match", settings.tagStyle.condition(tag))
    return try change(request)
  }

  public func put(
    _ key: ObjectKey, _ bytes: [UInt8], _ rule: PutRule
  ) throws(ObjectStoreError) -> WriteOutcome {
    let request = rule == .always ? Self.write(key, bytes) : Self.creation(key, bytes)
    var repeats = Repeats(limits: settings.limits, start: clock.monotonicNanoseconds())
    var unknown: String?
    while true {
      do throws(ObjectStoreError) {
        switch Self.read(try send(request), key) {
        case .ended(.done(let tag)): return .done(tag)
        case .ended(.refused):
          if let outcome = outcomeOfRefusal(key, bytes) { return outcome }
          unknown = unknown ?? "the object that was in the way is gone"
        case .ended(.unknown(let cause)): unknown = cause
        case .contended(let cause):
          // Some stores say so of a condition that does not hold.
          if rule == .ifAbsent, let outcome = outcomeOfRefusal(key, bytes) { return outcome }
          unknown = unknown ?? cause
        case .failed(let problem):
          guard problem.isPassing, waitForRepeat(&repeats) else { throw problem.error }
          continue
        }
      } catch {
        // What was sent before may be written all the same.
        if let unknown { return .unknown(cause: "\(unknown); then: \(error)") }
        throw error
      }
      guard waitForRepeat(&repeats) else { return .unknown(cause: unknown ?? "no answer") }
    }
  }

  public func remove(_ key: ObjectKey) throws(ObjectStoreError) {
    try perform(S3Request(.DELETE, key)) { answer -> S3Reading<Void> in
      switch answer {
      case .failure(let failure): return .failed(Self.problem(failure, key))
      case .success(let answer):
        if (200..<300).contains(answer.status) { return .value(()) }
        var problem = S3Problem(answer, key)
        if problem.error.kind == .missing { return .value(()) }
        // Something else is done to the object at this moment.
        if answer.status == 409 { problem.isPassing = true }
        return .failed(problem)
      }
    }
  }

  /// What one sending of a write came to.
  private enum Writing {
    case ended(WriteOutcome)
    /// Another write runs; nothing is said of this one's condition.
    case contended(cause: String)
    /// Nothing was written.
    case failed(S3Problem)
  }

  private static func write(_ key: ObjectKey, _ bytes: [UInt8]) -> S3Request {
    precondition(bytes.count <= ObjectLimits.byteCountMax)
    return S3Request(.PUT, key, body: bytes)
  }

  private static func creation(_ key: ObjectKey, _ bytes: [UInt8]) -> S3Request {
    var request = write(key, bytes)
    request.condition = ("if-none-match", "*")
    return request
  }

  private func change(_ request: S3Request) throws(ObjectStoreError) -> WriteOutcome {
    switch Self.read(try send(request), request.key) {
    case .ended(let outcome): return outcome
    case .contended: return .refused
    case .failed(let problem): throw problem.error
    }
  }

  private static func read(_ answer: Answer, _ key: ObjectKey?) -> Writing {
    switch answer {
    case .failure(let failure):
      return failure.isUnsent
        ? .failed(problem(failure, key)) : .ended(.unknown(cause: failure.cause))
    case .success(let answer):
      switch answer.status {
      case 200..<300:
        guard let tag = answer.tag else {
          return .ended(.unknown(cause: "the store took it and told no tag"))
        }
        return .ended(.done(tag))
      case 412: return .ended(.refused)
      case 409: return .contended(cause: answer.problem)
      default:
        let problem = S3Problem(answer, key)
        // A condition on an object that is not there.
        if problem.error.kind == .missing { return .ended(.refused) }
        // Something on the way may have answered for a store that has carried it out.
        if problem.isPassing, !problem.isRejected {
          return .ended(.unknown(cause: answer.problem))
        }
        return .failed(problem)
      }
    }
  }

  /// Of a `put` that found an object: it may be this one, sent before by us or by something on the
  /// way. `nil` when there is none.
  private func outcomeOfRefusal(_ key: ObjectKey, _ bytes: [UInt8]) -> WriteOutcome? {
    do throws(ObjectStoreError) {
      guard try head(key).byteCount == bytes.count else { return .refused }
      let found = try get(key, nil)
      return found.bytes == bytes ? .done(found.tag) : .refused
    } catch {
      return error.kind == .missing ? nil : .unknown(cause: "\(error)")
    }
  }
}
