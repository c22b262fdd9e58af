package import CoppiceFormat
package import CoppicePlatform

/// A store of branches of volumes of pages, opened by one process: what it is made of, and those
/// who act on it, wired together.
///
/// The engine is synchronous and thread-safe. With `usesThreads` its own threads seal, checkpoint
/// and prepare; without, the owner drives it step by step.
package final class Engine: @unchecked Sendable {
  package let disk: any Disk
  package let clock: any StoreClock
  package let options: EngineOptions
  package let superblock: Superblock
  package let secret: HashSecret
  let buffers: PageBufferPool
  let meter = OverlayMeter()
  let frames: FrameReader
  let segmentStore: SegmentStore
  package let journal: Journal
  /// The last record that opening found.
  package let recoveredLSN: LSN
  let window: DedupWindow
  let workers: WorkerPool
  let appenders: AppenderSet
  let volumeNumbers = Mutex(VolumeNumberBlock())
  let maintenance = Maintenance()
  package let collector: GarbageCollector
  package let accounts: Accounts
  package let checks: Checks
  package let imports: Imports

  init(_ opened: OpenedStore, options: EngineOptions) throws(StoreError) {
    disk = opened.disk
    clock = opened.clock
    lock = Mutex(opened.lock)
    self.options = options
    superblock = opened.superblock
    secret = HashSecret(bytes: opened.superblock.secret)
    buffers = PageBufferPool(pageByteCount: opened.superblock.pageByteCount)
    segmentStore = SegmentStore(
      disk: opened.disk, handleCountMax: options.openSegmentFileCountMax,
      directoryByteCountMax: options.directoryCacheByteCount)
    retired = RetiredFrames(segmentStore)
    retired.update(opened.catalogue)
    frames = FrameReader(
      pageByteCount: opened.superblock.pageByteCount, secret: secret, buffers: buffers,
      segmentStore: segmentStore, retired: retired, pageCacheByteCount: options.pageCacheByteCount,
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
    reserve = Reserve(disk: opened.disk)
    appenders = AppenderSet(
      segmentStore, uuid: opened.superblock.uuid, nextSegment: opened.catalogue.nextSegment,
      lastLSN: { [journal] in journal.lastLSN },
      forget: { [frames, window] first in
        let isLost = { (name: FrameName) in name.segment == first.segment && name >= first }
        frames.pages.remove(where: isLost)
        frames.nodes.remove(where: isLost)
        window.remove(where: isLost)
      })
    do throws(SystemError) {
      workers = try WorkerPool(threadCount: options.usesThreads ? options.workerCount : 0)
    } catch {
      throw StoreError(error, while: "starting worker threads")
    }
  }

  /// Of the frames of this store, as the catalogue has them now.
  var listing: FrameListing {
    FrameListing(segmentStore: segmentStore) { [keeper] in keeper.segments }
  }

  package var pageByteCount: Int { superblock.pageByteCount }
  var pageShift: Int { Int(superblock.pageShift) }
  package var storeUUID: StoreUUID { superblock.uuid }

  package var isOpen: Bool { isOpenFlag.load(ordering: .acquiring) }

  func checkOpen() throws(StoreError) {
    guard isOpen else {
      throw StoreError(.unavailable, "the store was closed", remedy: "open it again")
    }
  }

  /// From here on every call fails.
  func markClosed() { isOpenFlag.store(false, ordering: .releasing) }

  /// From here on others may open the store.
  func giveUpLock() { lock.withLock { $0 = nil } }

  func checkWritable() throws(StoreError) {
    try checkOpen()
    if options.isReadOnly {
      throw StoreError(
        .denied, "the store was opened for reading only", remedy: "open it for writing")
    }
  }

  /// A branch's name, for messages.
  package func name(of id: BranchID) -> String {
    keeper.read { $0.name(of: id) }
  }
}

extension Engine {
  package var disk: any Disk { core.disk }
  package var clock: any StoreClock { core.clock }
  package var options: EngineOptions { core.options }
  package var superblock: Superblock { core.superblock }
  package var secret: HashSecret { core.secret }
  package var journal: Journal { core.journal }
  package var pageByteCount: Int { core.pageByteCount }
  package var storeUUID: StoreUUID { core.superblock.uuid }

  /// A branch's name, for messages.
  package func name(of id: BranchID) -> String { core.name(of: id) }
}
