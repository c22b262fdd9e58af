internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A collection, beside readers and writers:
//
//  begin     alone under the seal latch: close and publish the open segments, so that a frame was
//            born in the cycle if and only if its segment's id is at least `firstBorn`, and the
//            directories of all others can be read; forget deleted branches by a record; take all
//            roots.
//  mark      walk from the roots by effective refs; then, from the directories, the bases of live
//            derived frames, pages and nodes. A base is kept as bytes: it is not walked, and what
//            it refers to may go.
//  select    alone under the latch again: from here on a hit by hash on a dead frame of a victim is
//            a miss.
//  evacuate  copy the victims' live frames verbatim into hosts, which keep the frames' names.
//  reclaim   sync the hosts, record `moved`, checkpoint, unlink the victims, record `unlinked`.
//  end       alone under the latch: who looked a frame up before `moved` has asked about it by
//  then.
//
// A frame goes only when a whole mark, begun after the last moment at which it could be reached,
// left it unmarked: what is reachable later was reachable from a root at the beginning, was born
// since, or was found by hash, which marks it. Any error before `moved` is durable leaves
// everything as it was.
//
// What a base merely carries never comes back through it. A seal that builds on a base stores no
// ref of it but those that are equal to refs it got elsewhere: from live nodes, from layers, which
// are roots, or by a hit, which marks the frame or is a miss.
//
// A young collection takes every frame that is older than the last collection for live, wherever it
// lies now. A frame's children and base are older than itself, so the walk need not enter an old
// node, and no old frame can be the only one that holds a young base.

extension GarbageCollector {
  /// Collects garbage. One collection runs at a time; readers, writers and seals go on.
  ///
  /// - Parameter announce: called at every step, on this thread.
  package func collectGarbage(
    _ options: CollectionOptions, announce: (CollectionStep) -> Void = { _ in }
  ) throws(StoreError) -> CollectionReport {
    try core.gate.checkWritable()
    // A full disk has nothing else for the records of a collection.
    if core.journal.needsControlCheckpoint { try checkpointer.writeUnlessFull() }
    return try collecting.withLock { () throws(StoreError) in try collect(options, announce) }
  }

  /// As `collectGarbage`. The caller holds `collecting`.
  func collect(_ options: CollectionOptions, _ announce: (CollectionStep) -> Void)
    throws(StoreError) -> CollectionReport
  {
    defer { core.latch.withExclusive { core.cycle.end() } }
    return try withoutActuallyEscaping(announce) { announce throws(StoreError) in
      try CollectionRun(self, options, announce: announce).run()
    }
  }

  static func pieces<Element>(_ all: [Element], of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: all.count, by: count).map { all[$0..<min($0 + count, all.count)] }
  }

  /// Unlinks reclaimed segments, those of an earlier run too, and forgets them.
  func unlink(_ ids: [SegmentID]) throws(StoreError) {
    guard !ids.isEmpty else { return }
    do throws(SegmentError) { try core.segmentStore.remove(ids) } catch {
      throw StoreError(error, while: "unlinking reclaimed segments")
    }
    let lsn = try core.keeper.change { kept throws(StoreError) in
      try kept.record(Self.pieces(ids, of: 1024).map { (BranchID(0), .unlinked(Array($0))) })
    }
    try core.journal.flush(through: lsn)
  }
}
