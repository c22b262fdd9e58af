internal import Coppice

/// Another that keeps what an entry refers to.
package struct SharerAnswer: Codable, Sendable {
  package var holder: String
  package var name: String?
  /// Of one that is deleted.
  package var restorableUntil: String?

  init(_ sharer: SpaceSharer) {
    holder = sharer.holder.rawValue
    name = sharer.name
    restorableUntil = sharer.restorableUntil.map(RFC3339.text)
  }
}
