package import Coppice
internal import CoppiceLifecycle

/// An error as the API answers with it: every kind has an HTTP status of its own.
package struct ErrorAnswer: Codable, Sendable {
  package struct Content: Codable, Sendable {
    package var kind: String
    package var object: String
    package var message: String
    package var remedy: String
    package var cause: String?
    package var reason: String?
  }

  package var error: Content

  package init(error: Content) { self.error = error }

  package init(_ error: StoreError) {
    self.error = Content(
      kind: error.kind.rawValue, object: error.object, message: error.message,
      remedy: error.remedy.commandText, cause: error.cause, reason: error.reason?.rawValue)
  }

  /// The error that it was made from. A kind that this version does not know makes it unavailable.
  package var storeError: StoreError {
    StoreError(
      StoreError.Kind(rawValue: error.kind) ?? .unavailable, error.message,
      object: error.object, remedy: Remedy(error.remedy), cause: error.cause,
      reason: error.reason.flatMap(StoreError.Reason.init))
  }
}

extension StoreError.Kind {
  /// The status of an HTTP response that reports it.
  package var httpStatus: Int {
    switch self {
    case .invalid: 400
    case .denied: 403
    case .notFound: 404
    case .conflict: 409
    case .inUse: 423
    case .corrupt: 500
    case .unsupportedFormat: 501
    case .unavailable: 503
    case .full: 507
    }
  }
}

/// A line of an answer that shows progress: any number of `progress`, then one of the others.
package struct AnswerLine<Answer: Codable & Sendable>: Codable, Sendable {
  package var progress: WorkProgress?
  package var answer: Answer?
  package var error: ErrorAnswer.Content?

  package init(
    progress: WorkProgress? = nil, answer: Answer? = nil, error: ErrorAnswer.Content? = nil
  ) {
    self.progress = progress
    self.answer = answer
    self.error = error
  }

  private enum CodingKeys: String, CodingKey { case progress, answer, error }

  /// A line has one key.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    if let progress { try container.encode(progress, forKey: .progress) }
    if let answer { try container.encode(answer, forKey: .answer) }
    if let error { try container.encode(error, forKey: .error) }
  }

  /// What a client that wants such lines accepts.
  package static var mediaType: String { "application/x-ndjson" }
}
