package import Coppice
internal import Synchronization

/// One request while it is carried out: how far it is, and whether it is still wanted.
package final class Work: Sendable {
  /// Told how far the work is, from any thread, some times a second; `nil` when nobody looks.
  package let tell: (@Sendable (WorkProgress) -> Void)?
  private let cancellation = Mutex<StoreError?>(nil)
  private let isEnding: @Sendable () -> Bool

  /// - Parameter isEnding: asked whether the process that does the work is to end, which cancels
  ///   it.
  package init(
    tell: (@Sendable (WorkProgress) -> Void)? = nil,
    isEnding: @escaping @Sendable () -> Bool = { false }
  ) {
    self.tell = tell
    self.isEnding = isEnding
  }

  /// Asks the work to end; it then throws `error`. Work that is past its last step ends as usual.
  package func cancel(because error: StoreError) {
    cancellation.withLock { if $0 == nil { $0 = error } }
  }

  /// What the work was cancelled for.
  var reason: StoreError? { cancellation.withLock { $0 } ?? (isEnding() ? .cancelled : nil) }

  package var isCancelled: Bool { reason != nil }

  /// Throws what the work was cancelled for, if it was.
  package func check() throws(StoreError) {
    if let reason { throw reason }
  }
}

extension StoreError {
  /// Whoever asked is gone, or no longer wants an answer.
  static var cancelled: StoreError {
    StoreError(.unavailable, "was cancelled", remedy: "nothing was changed; ask again")
  }
}

/// How far long work is: one object with one key, the kind of work.
package enum WorkProgress: Hashable, Sendable {
  /// An import or export.
  case transfer(TransferProgress)
  case check(CheckProgress)
  /// A scrub, or what a repair reads.
  case scrub(ScrubProgress)
  case collection(CollectionProgress)
  /// Of what is made of others.
  case step(StepProgress)
}

/// Which step of several is being done.
package struct StepProgress: Codable, Hashable, Sendable {
  package var step: String

  package init(step: String) { self.step = step }
}

extension WorkProgress: Codable {
  private enum CodingKeys: String, CodingKey { case transfer, check, scrub, collection, step }

  package init(from decoder: any Decoder) throws {
    let kinds = try decoder.container(keyedBy: CodingKeys.self)
    if let progress = try kinds.decodeIfPresent(TransferProgress.self, forKey: .transfer) {
      self = .transfer(progress)
    } else if let progress = try kinds.decodeIfPresent(CheckProgress.self, forKey: .check) {
      self = .check(progress)
    } else if let progress = try kinds.decodeIfPresent(ScrubProgress.self, forKey: .scrub) {
      self = .scrub(progress)
    } else if let progress = try kinds.decodeIfPresent(StepProgress.self, forKey: .step) {
      self = .step(progress)
    } else {
      self = .collection(try kinds.decode(CollectionProgress.self, forKey: .collection))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var kinds = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .transfer(let progress): try kinds.encode(progress, forKey: .transfer)
    case .check(let progress): try kinds.encode(progress, forKey: .check)
    case .scrub(let progress): try kinds.encode(progress, forKey: .scrub)
    case .collection(let progress): try kinds.encode(progress, forKey: .collection)
    case .step(let progress): try kinds.encode(progress, forKey: .step)
    }
  }
}
