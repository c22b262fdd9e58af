internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// What a store took and its disk had at one moment.
public struct SpaceSample: Hashable, Sendable, Codable {
  public var sampledAt: Timestamp
  /// Bytes of all segments on disk.
  public var storedByteCount: UInt64
  /// Of these, what nothing keeps, by estimate.
  public var garbageByteCount: UInt64
  /// Bytes that the disk had free.
  public var freeByteCount: UInt64
}

extension Store {
  /// What the store took over time, oldest first: at most one sample a minute, taken when changes
  /// are written to segments and at checkpoints, with fewer the longer ago. Some may be lost in a
  /// crash. Empty for a store that is new.
  public func spaceHistory() -> [SpaceSample] {
    engine.accounts.spaceHistory.map {
      SpaceSample(
        sampledAt: Timestamp(nanoseconds: $0.time), storedByteCount: $0.storedByteCount,
        garbageByteCount: $0.garbageByteCount, freeByteCount: $0.freeByteCount)
    }
  }

  /// When the disk will be full by what the store took over the last seven days; `nil` as long as
  /// that tells too little: fewer than six samples, or less than an hour.
  public func spaceForecast() -> GrowthForecast? {
    let history = engine.accounts.spaceHistory
    let points = history.map {
      GrowthForecast.Point(time: $0.time, byteCount: $0.storedByteCount)
    }
    let free = (try? engine.disk.freeByteCount()) ?? history.last?.freeByteCount
    return GrowthForecast(points, now: engine.clock.wallNanoseconds(), free: free)
  }

  /// When a branch will have added all that it may, by what its changes stored; `nil` as above.
  /// Throws `notFound`.
  public func growthForecast(of name: String) throws(StoreError) -> GrowthForecast? {
    let branch = try engineBranch(name)
    let points = engine.accounts.growth(of: branch.id).map {
      GrowthForecast.Point(time: $0.time, byteCount: $0.storedByteCount)
    }
    let added = engine.accounts.added(by: branch.id)?.byteCount
    let room = branch.growth.limit.flatMap { limit in
      added.map { limit.byteCount - min(limit.byteCount, $0) }
    }
    return GrowthForecast(points, now: engine.clock.wallNanoseconds(), room: room)
  }
}
