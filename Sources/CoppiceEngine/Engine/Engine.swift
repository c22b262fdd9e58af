package import CoppiceFormat
package import CoppicePlatform
internal import Synchronization

/// A store of branches of volumes of pages, opened by one process.
///
/// The engine is synchronous and thread-safe. With `usesThreads` its own threads seal, checkpoint
/// and prepare; without, the owner drives it step by step.
///
/// Locks, in the order in which they are taken: `collecting`, `sealing`, the seal latch, the
/// checkpointer's; a branch's `writer` (several in order of their ids); the keeper's, under which
/// control records get their LSNs and change the catalogue; a branch's `state`; the journal's and
/// the appenders' own.
package final class Engine: @unchecked Sendable {
  package let disk: any Disk
  package let clock: any StoreClock
  package let options: EngineOptions
  package let superblock: Superblock
  package let secret: HashSecret
  let buffers: PageBufferPool
  let meter = OverlayMeter()
  let frames: FrameReader
  let files: SegmentFiles
  package let journal: Journal
  /// The last record that opening found.
  package let recoveredLSN: LSN
  let window: DedupWindow
  let directories: DirectoryCache
  let workers: WorkerPool
  let appenders: AppenderSet
  let volumeNumbers = Mutex(VolumeNumberBlock())
  let maintenance = Maintenance()
  let pins = PinnedStates()
  let keeper: CatalogueKeeper
  /// One group of layers is sealed at a time.
  let sealing = Monitor()
  let unsealable = UnsealableLayers()
  /// Whether opening left volumes out of some layer. Set before there are branches.
  var hasLostVolumes = false
  /// One collection runs at a time.
  let collecting = Monitor()
  let latch = SealLatch()
  let cycle = CollectionCycle()
  let retired: RetiredFrames
  let stagings = StagingRegister()
  let collector = Collector()
  let hints = EngineHints()
  let gate: StoreGate
  let relief = Relief()
  let room: Room
  package let checkpointer: Checkpointer
  /// What the last attempt to seal or to checkpoint in the background failed with.
  let maintenanceFailure = Mutex<StoreError?>(nil)
  /// Whether something was removed since the last seal of everything.
  let hasRemovals = Atomic<Bool>(false)
  /// Whether deletions for good wait for `finishDeletions`.
  let hasUnfinishedDeletions = Atomic<Bool>(false)
  /// Since when the journal's newest record is the newest.
  let restingSince = Mutex<(lsn: LSN, time: UInt64)>((.zero, 0))
  /// Whether the thread that keeps the journal waits to be told of a flush, and also of a write.
  let isUpkeepAsleep = Atomic<Bool>(false)
  let isUpkeepIdle = Atomic<Bool>(false)

  init(_ opened: OpenedStore, options: EngineOptions) throws(StoreError) {
    disk = opened.disk
    clock = opened.clock
    gate = StoreGate(opened.lock, isReadOnly: options.isReadOnly)
    self.options = options
    superblock = opened.superblock
    secret = HashSecret(bytes: opened.superblock.secret)
    buffers = PageBufferPool(pageByteCount: opened.superblock.pageByteCount)
    files = SegmentFiles(disk: opened.disk, capacity: options.openSegmentFileCountMax)
    directories = DirectoryCache(byteCount: options.directoryCacheByteCount)
    retired = RetiredFrames(files: files, directories: directories)
    retired.update(opened.catalogue)
    frames = FrameReader(
      pageByteCount: opened.superblock.pageByteCount, secret: secret, buffers: buffers,
      files: files, retired: retired, pageCacheByteCount: options.pageCacheByteCount,
      nodeCacheByteCount: options.nodeCacheByteCount)
    journal = Journal(
      disk: opened.disk, clock: opened.clock, uuid: opened.superblock.uuid,
      byteCountMax: options.journalByteCountMax, recovered: opened.journal)
    recoveredLSN = opened.journal.endLSN
    keeper = CatalogueKeeper(
      Kept(
        opened.catalogue, number: opened.catalogueNumber,
        Kept.Recording(
          journal: journal, clock: opened.clock,
          noteDue: { [maintenance, usesThreads = options.usesThreads] in
            if usesThreads { maintenance.wake() }
          })))
    window = DedupWindow(byteCount: options.windowByteCount)
    room = Room(
      disk: opened.disk, keeper: keeper, journal: journal, relief: relief,
      freeByteCountMin: options.collection.freeByteCountMin)
    appenders = AppenderSet(
      disk: opened.disk, files: files, uuid: opened.superblock.uuid,
      nextSegment: opened.catalogue.nextSegment, lastLSN: { [journal] in journal.lastLSN },
      forget: { [frames, window] first in
        let isLost = { (name: FrameName) in name.segment == first.segment && name >= first }
        frames.pages.remove(where: isLost)
        frames.nodes.remove(where: isLost)
        window.remove(where: isLost)
      })
    checkpointer = Checkpointer(
      disk: opened.disk, clock: opened.clock, gate: gate, keeper: keeper, journal: journal,
      appenders: appenders, hints: hints, room: room, relief: relief,
      journalByteCountMax: options.journalByteCountMax)
    do throws(SystemError) {
      workers = try WorkerPool(threadCount: options.usesThreads ? options.workerCount : 0)
    } catch {
      throw StoreError(error, while: "starting worker threads")
    }
  }

  /// Of the frames of this store, as the catalogue has them now.
  var listing: FrameListing {
    FrameListing(files: files) { [keeper] in keeper.segments }
  }

  package var pageByteCount: Int { superblock.pageByteCount }
  var pageShift: Int { Int(superblock.pageShift) }
  package var storeUUID: StoreUUID { superblock.uuid }

  /// A branch's name, for messages.
  package func name(of id: BranchID) -> String {
    keeper.read { $0.name(of: id) }
  }
}
