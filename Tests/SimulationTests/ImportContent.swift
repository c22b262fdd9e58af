internal import CoppiceFormat
internal import TestSupport

/// What a simulated import brings: whole volumes, from a seed.
struct ImportContent {
  struct Volume {
    var number: VolumeNumber
    var byteCount: UInt64
    /// The leaves that are put; others are holes. Behind its content a leaf is zero.
    var leaves: [(index: UInt64, content: [UInt8], byteCount: Int)]
  }

  static let leafByteCount = 256 * ModelVolume.pageByteCount
  let volumes: [Volume]

  init(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    volumes = (0..<UInt64(Workload.volumeCount)).compactMap { number in
      if generator.oneIn(3) { return nil }
      let leafCount = 1 + generator.below(3)
      let tail = 1 + generator.below(Self.leafByteCount / 8)
      let byteCount = (leafCount - 1) * Self.leafByteCount + tail
      var leaves: [(index: UInt64, content: [UInt8], byteCount: Int)] = []
      for index in 0..<leafCount where index == 0 || generator.bool() {
        let whole = index == leafCount - 1 ? tail : Self.leafByteCount
        let content = Workload.bytes(min(whole, 20_000), seed: generator.next() % 50)
        leaves.append((UInt64(index), content, whole))
      }
      return Volume(
        number: VolumeNumber(number), byteCount: UInt64(byteCount), leaves: leaves)
    }
  }

  /// The volumes as the model has them.
  func model(time: Int64) -> [VolumeNumber: ModelVolume] {
    var result: [VolumeNumber: ModelVolume] = [:]
    for volume in volumes {
      var model = ModelVolume()
      for leaf in volume.leaves {
        model.write(leaf.content, at: leaf.index * UInt64(Self.leafByteCount))
      }
      model.resize(to: volume.byteCount)
      model.modified = time
      result[volume.number] = model
    }
    return result
  }
}
