package import Coppice

/// An entry, as far as its end depends on it. Moments are nanoseconds since 1970.
package struct LifecycleEntry: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case live
    /// Stopped and hidden; its content and its name stay. Then renewed, or deleted.
    case expired(since: Int64)
    /// Can be restored until `keepUntil`, where it has one. Then forgotten, by a collection.
    case deleted(at: Int64, keepUntil: Int64?)
  }

  package var id: UInt64
  /// Of a snapshot: `branch@snapshot`.
  package var name: String
  /// The branch that a snapshot belongs to; `nil` for a branch.
  package var branchID: UInt64?
  package var state = State.live
  package var createdAt: Int64
  package var ends = EntryEnds()
  /// Whether a branch added so much more than its limit that it is to end at once.
  package var isBeyondLimit = false
  /// `Int64.max`: for ever.
  package var protectedUntil: Int64?
  /// Whether branching from it is allowed: it belongs to a baseline then.
  package var isApproved = false
  package var labels: Labels = [:]
  /// Its class of data.
  package var dataClass = "raw"
  /// Of who made it.
  package var role = Principal.Role.administrator
  /// Files of it that others than the store hold open.
  package var openFileCount = 0

  package init(id: UInt64, name: String, branchID: UInt64? = nil, createdAt: Int64) {
    self.id = id
    self.name = name
    self.branchID = branchID
    self.createdAt = createdAt
  }

  package var isSnapshot: Bool { branchID != nil }

  /// What rules look at.
  package var subject: PolicySubject {
    PolicySubject(name: name, labels: labels, dataClass: dataClass, role: role)
  }
}
