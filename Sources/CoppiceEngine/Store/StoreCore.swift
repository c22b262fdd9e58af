internal import CoppiceFormat
internal import CoppicePlatform

/// What an open store is made of: its files, its journal, its catalogue, and what is in memory of
/// them. Whoever acts on these is a type of its own.
///
/// Locks, in the order in which they are taken: the collections' and the sealer's, the seal latch,
/// the checkpointer's; a branch's `writer` (several in order of their ids); the keeper's, under
/// which control records get their LSNs and change the catalogue; a branch's `state`; the journal's
/// and the appenders' own.
package final class StoreCore: Sendable {
  let disk: any Disk
  let clock: any StoreClock
  let options: EngineOptions
  let superblock: Superblock
  let secret: HashSecret
  let gate: StoreGate
  let keeper: CatalogueKeeper
  let journal: Journal
  let segmentStore: SegmentStore
  let retired: RetiredFrames
  let appenders: AppenderSet
  let buffers: PageBufferPool
  let meter = OverlayMeter()
  let frames: FrameReader
  let window: DedupWindow
  /// Layers that cannot be sealed as they are.
  let unsealable = UnsealableLayers()
  /// Between seals, imports and the moments at which collections take stock.
  let latch = SealLatch()
  let cycle = CollectionCycle()
  let pins = PinnedStates()
  let stagings = StagingRegister()
  let hints = EngineHints()
  let relief = Relief()
  let room: Room
  /// Has the store's threads look whether there is work; without threads nothing.
  let wake: @Sendable () -> Void

  init(_ opened: OpenedStore, options: EngineOptions, wake: @escaping @Sendable () -> Void) {
    disk = opened.disk
    clock = opened.clock
    self.options = options
    self.wake = wake
    superblock = opened.superblock
    secret = HashSecret(bytes: opened.superblock.secret)
    gate = StoreGate(opened.lock, isReadOnly: options.isReadOnly)
    buffers = PageBufferPool(pageByteCount: opened.superblock.pageByteCount)
    segmentStore = SegmentStore(
      disk: opened.disk, handleCountMax: options.openSegmentFileCountMax,
      directoryByteCountMax: options.directoryCacheByteCount)
    retired = RetiredFrames(segmentStore)
    retired.update(opened.catalogue)
    journal = Journal(
      disk: opened.disk, clock: opened.clock, uuid: opened.superblock.uuid,
      byteCountMax: options.journalByteCountMax, recovered: opened.journal)
    keeper = CatalogueKeeper(
      Kept(
        opened.catalogue, number: opened.catalogueNumber,
        Kept.Recording(journal: journal, clock: opened.clock, noteDue: wake)))
    window = DedupWindow(byteCount: options.windowByteCount)
    room = Room(
      disk: opened.disk, keeper: keeper, journal: journal, relief: relief,
      freeByteCountMin: options.collection.freeByteCountMin)
    let caches = FrameCaches(
      pageByteCount: opened.superblock.pageByteCount,
      pageCacheByteCount: options.pageCacheByteCount,
      nodeCacheByteCount: options.nodeCacheByteCount)
    appenders = AppenderSet(
      segmentStore, uuid: opened.superblock.uuid, nextSegment: opened.catalogue.nextSegment,
      lastLSN: { [journal] in journal.lastLSN },
      forget: { [caches, window] first in
        let isLost = { (name: FrameName) in name.segment == first.segment && name >= first }
        caches.remove(where: isLost)
        window.remove(where: isLost)
      })
    frames = FrameReader(
      pageByteCount: opened.superblock.pageByteCount, secret: secret, buffers: buffers,
      segmentStore: segmentStore, retired: retired, caches: caches, appenders: appenders)
  }

  var pageByteCount: Int { superblock.pageByteCount }
  var pageShift: Int { Int(superblock.pageShift) }

  /// A branch's name, for messages.
  func name(of id: BranchID) -> String { keeper.read { $0.name(of: id) } }

  /// Of the frames of this store, as the catalogue has them now.
  var listing: FrameListing {
    FrameListing(segmentStore: segmentStore) { [keeper] in keeper.segments }
  }
}
