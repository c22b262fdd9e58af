/// How far a repair may go.
package struct RepairOptions: Sendable {
  /// Whether the store may be opened without records that were acknowledged and are gone.
  package var acceptsLoss = false

  package init() {}
}

/// What a repair did, and what it could not do.
package struct RepairReport: Sendable {
  package struct Step: Hashable, Sendable {
    /// The structure, as findings name it.
    package var object: String
    package var action: String
  }

  /// What was done, in order.
  package var steps: [Step] = []
  /// The folder in the store that has the files as they were; empty when none was touched.
  package var folder = ""
  /// Pages that were read from other copies of the same content.
  package var healedPageCount = 0
  /// Damaged nodes that were rebuilt.
  package var healedNodeCount = 0
  /// What cannot be read and has no other copy. It is left as it is.
  package var lost: [Finding] = []
  /// Such findings past `CheckReport.findingCountMax`, which are not listed.
  package var omittedLostCount = 0
  /// What a check or a scrub still finds and costs no content; see `Finding.isUnused`.
  package var left: [Finding] = []
  /// Records that were acknowledged and are dropped.
  package var droppedRecords: JournalLoss?

  package init() {}
}
