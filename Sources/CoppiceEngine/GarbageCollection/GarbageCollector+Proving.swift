package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// An entry that ended by itself has nobody who waits for its proof. It stays condemned, on record
// with what a proof tells of it, until whoever makes proofs has kept one: a crash before that
// leaves the record and the hints that say which frames died with it. No collection waits for it,
// and what waits is bounded: when there is too much, and when the hints are lost, entries go
// without, and are counted.

extension GarbageCollector {
  private static let waitingCountMax = 1 << 14
  private static let waitingByteCountMax = 16 << 20

  /// Entries that a collection has looked at.
  struct ExaminedEnds {
    /// What waits for its proof, in order of its deletion: branches, each with the snapshots that
    /// went with it behind it.
    var kept: [[BranchEntry]] = []
    /// What can have none, likewise: nothing is known of its frames, or too many wait.
    var missed: [[BranchEntry]] = []
    /// Snapshots whose branch was restored without them.
    var strays: [BranchEntry] = []
  }

  var examinedEnds: ExaminedEnds {
    let (examined, condemned) = core.keeper.read { kept in
      // Mostly there are none.
      kept.catalogue.condemned.isEmpty
        ? ([], []) : (kept.examined.filter(\.endedByItself), Set(kept.catalogue.condemned.keys))
    }
    guard !examined.isEmpty else { return ExaminedEnds() }
    let groups = Dictionary(grouping: examined) { $0.annotations.ending?.group ?? $0.id }
    let known = core.hints.collection.withLock { Set($0.forgotten.map(\.id)) }
    var ends = ExaminedEnds()
    var whole: [[BranchEntry]] = []
    for (id, entries) in groups {
      let sorted = [entries.filter { $0.id == id }, entries.filter { $0.id != id }].flatMap(\.self)
      if sorted[0].id == id {
        whole.append(sorted)
      } else if !condemned.contains(id) {
        ends.strays += sorted
      }
    }
    whole.sort { ($0[0].deletedAt, $0[0].id) < ($1[0].deletedAt, $1[0].id) }
    var count = examined.count
    var byteCount = examined.reduce(0) { $0 + $1.annotations.byteCount }
    for group in whole {
      if group.allSatisfy({ known.contains($0.id) }), count <= Self.waitingCountMax,
        byteCount <= Self.waitingByteCountMax
      {
        ends.kept.append(group)
      } else {
        ends.missed.append(group)
        count -= group.count
        byteCount -= group.reduce(0) { $0 + $1.annotations.byteCount }
      }
    }
    return ends
  }

  /// Branches that ended by themselves, each with the snapshots that went with it behind it, that
  /// nothing brings back and that a collection has looked at: `Accounts.reclaimProofs` tells what
  /// became of them until they are forgotten.
  package var endsToProve: [[BranchEntry]] { examinedEnds.kept }

  /// How many branches that ended by themselves nothing brings back any more, and wait.
  package var waitingEndCount: Int {
    core.keeper.read { kept in
      kept.catalogue.condemned.values.count { $0.endedByItself && !$0.flags.contains(.readOnly) }
    }
  }

  /// How many were forgotten since opening with no proof: too many waited.
  package var missedEndCount: Int { missedProofCount.load(ordering: .relaxed) }

  /// Takes entries off whose proof is kept. Durable on return.
  package func forgetProven(_ ids: Set<BranchID>) throws(StoreError) {
    try core.gate.checkWritable()
    let lsn = try checkpointer.makingRoomForRecords { () throws(StoreError) in
      try core.keeper.change { kept throws(StoreError) -> LSN? in
        let proven = kept.examined.filter { $0.endedByItself && ids.contains($0.id) }.map(\.id)
        return proven.isEmpty ? nil : try kept.recordForgotten(proven)
      }
    }
    if let lsn { try core.journal.flush(through: lsn) }
  }
}
