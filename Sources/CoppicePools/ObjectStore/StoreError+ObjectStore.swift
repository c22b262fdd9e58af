public import CoppiceErrors

/// The one place where what an object store answers becomes what users see.
extension StoreError {
  /// - Parameter object: the remote, as its user names it.
  public init(_ error: ObjectStoreError, while action: String, object: String) {
    let kind: Kind
    let remedy: Remedy
    var reason: Reason?
    switch error.kind {
    case .unreachable:
      kind = .unavailable
      reason = .unreachable
      remedy = "look whether the object store answers, and try again"
    case .throttled:
      kind = .unavailable
      remedy = "try again later, or at a lower rate"
    case .archived:
      kind = .unavailable
      reason = .archived
      remedy = "have the provider bring the object back from its archive, and try again"
    case .denied:
      kind = .denied
      remedy = "check the credentials and their rights on the bucket"
    case .missing:
      kind = .notFound
      remedy = ""
    case .beyondEnd:
      kind = .corrupt
      remedy = "check the pool"
    case .invalid:
      kind = .invalid
      remedy = ""
    }
    self.init(
      kind, "\(action) failed: \(error.message)", object: object, remedy: remedy,
      cause: [error.key?.text, error.cause].compactMap { $0 }.joined(separator: ": "),
      reason: reason)
  }
}
