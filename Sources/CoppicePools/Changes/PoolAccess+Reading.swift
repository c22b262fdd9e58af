internal import CoppiceErrors
internal import CoppiceFormat

/// An object that was read, with the tag that a change of it names.
struct FoundObject<Object: ChangingObject> {
  let object: Object
  let tag: ObjectTag
}

extension PoolAccess {
  /// An object as it is; `nil` when it was never there. Throws as `find`.
  mutating func read<Object: ChangingObject>(
    _ name: PoolObjectName, as type: Object.Type
  ) throws(StoreError) -> Object? {
    var waiting = Patience.Waiting(site.patience)
    return try find(name, as: type, &waiting)?.object
  }

  /// As above; reads until there is an answer that nothing contradicts, or the time is over.
  ///
  /// Throws `unavailable`, with the reason `unreachable`, or `oldObject` for one that the store
  /// shows older than it was; `denied`, `corrupt`, `unsupportedFormat`.
  mutating func find<Object: ChangingObject>(
    _ name: PoolObjectName, as type: Object.Type, _ waiting: inout Patience.Waiting
  ) throws(StoreError) -> FoundObject<Object>? {
    while true {
      let failure: StoreError
      switch try fetch(name) {
      case .later(let error): failure = error
      case .missing:
        guard let error = notes[name].contradiction(nil, of: notes.number, in: name) else {
          return nil
        }
        failure = error
      case .found(let fetched):
        let object = try Object(opening: fetched.bytes, of: name, by: opener)
        guard let error = contradiction(of: object, in: name) else {
          try note(object, fetched.bytes, as: name)
          return FoundObject(object: object, tag: fetched.tag)
        }
        failure = error
      }
      guard waiting.goOn() else { throw failure }
    }
  }

  private enum Answer {
    case found(FetchedObject)
    case missing
    /// There was no answer; another time there may be one.
    case later(StoreError)
  }

  private func fetch(_ name: PoolObjectName) throws(StoreError) -> Answer {
    do throws(ObjectStoreError) {
      return .found(try store.get(ObjectKey(known: name.key), nil))
    } catch {
      switch error.kind {
      case .missing: return .missing
      case .unreachable, .throttled: return .later(failure(error, "reading the pool"))
      case .denied, .archived, .beyondEnd, .invalid: throw failure(error, "reading the pool")
      }
    }
  }

  private func contradiction(
    of object: some ChangingObject, in name: PoolObjectName
  ) -> StoreError? {
    notes[name].contradiction(object.revision, of: object.number(of: notes), in: name)
  }

  /// Notes what was seen, durably: nobody acts on what could be forgotten.
  mutating func note(
    _ object: some ChangingObject, _ bytes: [UInt8], as name: PoolObjectName
  ) throws(StoreError) {
    if let head = object as? HeadObject {
      opener.keys = head.keys
      opener.isKnown = true
    }
    let revision = object.revision
    if revision.sequence > notes[name].sequence { try file.keep(bytes, of: name) }
    let receipt = revision.attempt(of: object.number(of: notes)) ?? PoolAttempt(0)
    try file.update { notes in
      notes[name].sequence = revision.sequence
      notes[name].nonce = revision.nonce
      notes[name].answered = max(notes[name].answered, receipt)
    }
  }
}
