internal import CoppiceEngine

extension Store {
  /// How to create or open a store. The defaults are right for most uses.
  public struct Options: Hashable, Sendable {
    /// Page byte count of a new store: a power of two from 4096 to 65536; default 8192, the page of
    /// most databases. Opening takes the store's own.
    public var pageByteCount: Int
    /// How much memory to use.
    public var memory: MemoryLimits
    /// When garbage is collected without being asked for.
    public var collection = CollectionPolicy()
    /// Reads without writing a byte; others may read the store at the same time.
    public var isReadOnly: Bool

    /// The defaults, but for what is given.
    public init(
      pageByteCount: Int = 8192, memory: MemoryLimits = MemoryLimits(), isReadOnly: Bool = false
    ) {
      self.pageByteCount = pageByteCount
      self.memory = memory
      self.isReadOnly = isReadOnly
    }
  }

  /// When the store collects garbage by itself, on a thread that gives way to others.
  public struct CollectionPolicy: Hashable, Sendable {
    /// Default true.
    public var isAutomatic = true
    /// From this estimated share of dead bytes on. Default 0.2.
    public var deadShare = 0.2
    /// How long a deleted branch can surely be restored, as long as the disk has space. Default one
    /// hour.
    public var restoreWindow: Duration = .seconds(3600)
    /// Bytes to read and copy in a second at most; `nil`: no limit. Default 128 MiB.
    public var byteCountPerSecond: UInt64? = 128 << 20

    /// The defaults.
    public init() {}
  }

  /// Bytes of memory that an open store may use for each purpose.
  public struct MemoryLimits: Hashable, Sendable {
    /// Changes that are in the journal but not yet in segments. Writers are slowed smoothly from
    /// half of it on. Default 256 MiB.
    public var overlayByteCount = 256 << 20
    /// Pages as read, shared by all branches. Default 128 MiB.
    public var pageCacheByteCount = 128 << 20
    /// Nodes of manifests. Default 64 MiB.
    public var nodeCacheByteCount = 64 << 20
    /// Hints for finding equal pages. Default 32 MiB.
    public var windowByteCount = 32 << 20
    /// Directories of segments. Default 16 MiB.
    public var directoryCacheByteCount = 16 << 20

    /// The defaults.
    public init() {}
  }
}

extension EngineOptions {
  init(_ options: Store.Options) {
    self.init()
    pageByteCount = options.pageByteCount
    isReadOnly = options.isReadOnly
    overlayByteCountMax = options.memory.overlayByteCount
    pageCacheByteCount = options.memory.pageCacheByteCount
    nodeCacheByteCount = options.memory.nodeCacheByteCount
    windowByteCount = options.memory.windowByteCount
    directoryCacheByteCount = options.memory.directoryCacheByteCount
    collection.isEnabled = options.collection.isAutomatic
    collection.deadShareMin = options.collection.deadShare
    collection.byteCountPerSecond = options.collection.byteCountPerSecond
    collection.setRestoreWindow(options.collection.restoreWindow)
  }
}
