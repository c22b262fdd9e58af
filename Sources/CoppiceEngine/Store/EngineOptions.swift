/// Limits and ways of running of one opened store. Byte counts are of RAM unless they say
/// otherwise.
package struct EngineOptions: Sendable {
  /// Page byte count of a new store: a power of two from 4096 to 65536.
  package var pageByteCount = 8192
  /// Unsealed pages of all branches. Writers are slowed from half of it on.
  package var overlayByteCountMax = 256 << 20
  package var pageCacheByteCount = 128 << 20
  package var nodeCacheByteCount = 64 << 20
  /// The dedup window: 8 bytes for each page it remembers.
  package var windowByteCount = 32 << 20
  package var directoryCacheByteCount = 16 << 20
  /// Journal files on disk.
  package var journalByteCountMax: UInt64 = 1 << 30
  /// Dirty bytes of one branch that make it be sealed.
  package var sealByteCount = 64 << 20
  package var openSegmentFileCountMax = 512
  /// How long a record may wait for a sync that nobody asks for. Kept by the threads.
  package var syncDelayNanoseconds: UInt64 = 1_000_000_000
  /// When garbage is collected without being asked for.
  package var collection = AutomaticCollection()
  /// Whether threads seal, checkpoint and prepare by themselves. Without them the owner calls the
  /// steps, and a writer that needs one waits for no one but performs it.
  package var usesThreads = true
  /// Threads besides the caller that seals and imports share.
  package var workerCount = 1
  package var isReadOnly = false
  /// Told, on any thread and without locks, when a branch with a limit has come nearer to it.
  package var noticed: @Sendable (GrowthNotice) -> Void = { _ in }

  package init() {}
}
