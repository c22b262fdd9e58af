package import CoppiceFormat

/// A push that was announced: what it builds on stays in the pool until it is published or given
/// up, whoever deletes it meanwhile.
package struct OpenIntent: Hashable, Sendable {
  /// Among the intents of the member.
  package let id: PoolAttempt
  /// What it seals its segments under, also when the domain has a newer one.
  package let key: PoolKeyID
  /// The ids of its segments, for nobody else; `nil` if it asked for none. One that was sent with
  /// some bytes is never sent with others.
  package let ids: PoolSegmentRun?
  /// Entries whose frames it may refer to.
  package let supports: [Support]

  package struct Support: Hashable, Sendable {
    package let name: PoolEntryName
    package let root: Ref
  }

  init(_ intent: PoolIntent, supports: [Support]) {
    id = intent.attempt
    key = intent.key
    ids = intent.count == 0 ? nil : PoolSegmentRun(first: intent.first, count: intent.count)
    self.supports = supports
  }
}

/// What a push has put into the pool, ready to be published.
package struct PushedContent: Hashable, Sendable {
  /// A table node of the pool, or a hole.
  package var root: Ref
  /// All that it wrote, with ids of the intents that are published with it.
  package var segments: [PushedSegment]
  /// Others that its frames refer to.
  package var references: Set<SegmentID>
  package var logicalByteCount: UInt64
  package var newByteCount: UInt64

  package init(
    root: Ref, segments: [PushedSegment], references: Set<SegmentID> = [],
    logicalByteCount: UInt64, newByteCount: UInt64
  ) {
    self.root = root
    self.segments = segments
    self.references = references
    self.logicalByteCount = logicalByteCount
    self.newByteCount = newByteCount
  }
}

/// A segment's object as it was sent.
package struct PushedSegment: Hashable, Sendable {
  package var id: SegmentID
  /// Of the whole object, with header and boxes.
  package var byteCount: Int
  /// The object store has told that byte count since it was sent.
  package var isVerified: Bool

  package init(id: SegmentID, byteCount: Int, isVerified: Bool = false) {
    self.id = id
    self.byteCount = byteCount
    self.isVerified = isVerified
  }
}

/// The state of a branch, or a snapshot, that is pushed.
package struct PushedState: Hashable, Sendable {
  /// `branch` or `branch@snapshot`.
  package var name: String
  /// Of the pool.
  package var domain: DomainID
  package var lsn: LSN
  /// When the state was taken.
  package var createdAt: Int64
  package var annotations = Fields()

  package init(name: String, domain: DomainID, lsn: LSN, createdAt: Int64) {
    self.name = name
    self.domain = domain
    self.lsn = lsn
    self.createdAt = createdAt
  }
}
