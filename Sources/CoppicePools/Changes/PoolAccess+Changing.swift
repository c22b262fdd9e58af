internal import CoppiceErrors
internal import CoppiceFormat

// How an object changes though answers get lost and requests come late and twice.
//
// A change is an attempt with a number of its own, noted before anything is sent. The new content
// has the number as this member's receipt, and is written on the tag that was read; since no
// content of an object returns, neither does a tag, and of all that was ever sent on one tag at
// most one lands.
//
//  done      it landed.
//  refused   says nothing by itself: a proxy may have sent it twice. So it is read again:
//  unknown   likewise, until an answer comes. What is read then decides:
//              the attempt's receipt   it landed;
//              the same tag            the same bytes are sent again, and nothing else;
//              another tag             it can never land any more: plan anew.
//
// A read that is late could show an old tag, but has a sequence below the one that the attempt was
// planned on, which is noted: it is read again. When the time is over the note stays, and until a
// change of this member has succeeded on the object nothing read from it is relied on: that makes
// the old condition false for ever. So then even a change that has nothing to do is written.

/// What a change makes of an object.
enum ChangePlan<Object: ChangingObject, Result> {
  case write(Object, Result)
  /// There is nothing to do.
  case unchanged(Result)
}

/// What was sent and may have landed.
private struct SentChange<Result> {
  var attempt: PoolAttempt
  /// The tag that it is to replace; `nil` for none.
  var condition: ObjectTag?
  var bytes: [UInt8]
  var revision: PoolRevision
  var stamp: PoolStamp?
  /// Of the pool from then on, if it is the head.
  var keys: PoolKeys?
  var result: Result
}

extension PoolAccess {
  /// Changes an object, or makes it; at most once, and durably on return.
  ///
  /// - Parameter plan: pure: makes the new content of the old one, which is `nil` where there is
  ///   none, for the attempt of that number. Runs again when another change came between. What it
  ///   throws ends the change.
  ///
  /// Throws what reading and `plan` throw; `denied` for an object that this version may only read;
  /// `unavailable` with the reason `unknownOutcome` when nobody can tell whether it took place.
  mutating func change<Object: ChangingObject, Result>(
    _ name: PoolObjectName,
    _ plan: (Object?, PoolAttempt) throws(StoreError) -> ChangePlan<Object, Result>
  ) throws(StoreError) -> Result {
    let attempt = PoolAttempt(notes.attempt.rawValue + 1)
    var waiting = Patience.Waiting(site.patience)
    var sent: SentChange<Result>?
    while true {
      let found: FoundObject<Object>?
      do throws(StoreError) { found = try find(name, as: Object.self, &waiting) } catch {
        throw sent == nil ? error : Self.unknown(name, error)
      }
      if let last = sent {
        if notes[name].answered == attempt { return try settle(last, in: name) }
        if found?.tag != last.condition { sent = nil }
      }
      if sent == nil {
        switch try plan(found?.object, attempt) {
        case .unchanged(let result):
          guard notes[name].unresolved != nil, let found else { return result }
          sent = try prepare(found.object, on: found.tag, result, attempt, name)
        case .write(let object, let result):
          sent = try prepare(object, on: found?.tag, result, attempt, name)
        }
      }
      guard let next = sent else { continue }
      let failure: StoreError
      switch try send(next, name) {
      case .done:
        try file.keep(next.bytes, of: name)
        return try settle(next, in: name)
      case .refused: failure = Self.refused
      case .unknown(let cause): failure = StoreError(.unavailable, cause)
      }
      guard waiting.goOn() else { throw Self.unknown(name, failure) }
    }
  }

  /// Seals the new content and notes what is about to be sent.
  private mutating func prepare<Object: ChangingObject, Result>(
    _ object: Object, on tag: ObjectTag?, _ result: Result, _ attempt: PoolAttempt,
    _ name: PoolObjectName
  ) throws(StoreError) -> SentChange<Result> {
    guard object.isWritable else { throw Self.newerVersion(name) }
    var object = object
    object.revision = object.revision.next(
      by: object.number(of: notes), attempt, nonce: random.nonce())
    let stamp = name == .member(notes.member) ? object.stamp : nil
    try file.update { notes in
      notes.attempt = attempt
      notes[name].unresolved = attempt
      if let stamp, !notes.candidates.contains(stamp) { notes.candidates.append(stamp) }
    }
    return SentChange(
      attempt: attempt, condition: tag, bytes: object.sealed(by: opener, using: random),
      revision: object.revision, stamp: stamp, keys: (object as? HeadObject)?.keys, result: result)
  }

  /// One request. An answer that none came to is `unknown` as well: something may have been sent
  /// for this attempt before.
  private func send<Result>(
    _ change: SentChange<Result>, _ name: PoolObjectName
  ) throws(StoreError) -> WriteOutcome {
    let key = ObjectKey(known: name.key)
    do throws(ObjectStoreError) {
      if let tag = change.condition {
        return try store.replace(key, tagged: tag, by: change.bytes)
      }
      return try store.create(key, change.bytes)
    } catch {
      switch error.kind {
      case .unreachable, .throttled: return .unknown(cause: "\(error)")
      case .missing: return .refused
      case .denied, .archived, .beyondEnd, .invalid:
        throw failure(error, "changing the pool")
      }
    }
  }

  /// Notes that the change landed.
  private mutating func settle<Result>(
    _ change: SentChange<Result>, in name: PoolObjectName
  ) throws(StoreError) -> Result {
    let revision = change.revision
    try file.update { notes in
      // Others may have changed the object since, and that was seen.
      if revision.sequence > notes[name].sequence {
        notes[name].sequence = revision.sequence
        notes[name].nonce = revision.nonce
      }
      notes[name].answered = change.attempt
      notes[name].unresolved = nil
      guard let stamp = change.stamp else { return }
      notes.stamp = stamp
      notes.candidates = []
    }
    if let keys = change.keys { opener.keys = keys }
    return change.result
  }

  static func newerVersion(_ name: PoolObjectName) -> StoreError {
    StoreError(
      .denied, "has what only a newer version may change", object: name.key,
      remedy: "use that version")
  }

  private static let refused = StoreError(.unavailable, "the object store refused the change")

  private static func unknown(_ name: PoolObjectName, _ cause: StoreError) -> StoreError {
    StoreError(
      .unavailable, "nobody can tell yet whether the change took place", object: name.key,
      remedy: "try again: that finds out", cause: "\(cause)", reason: .unknownOutcome)
  }
}

extension RandomSource {
  /// Of a body that never repeats.
  func nonce() -> [UInt8] {
    var source = self
    return source.bytes(PoolRevision.nonceByteCount)
  }
}
