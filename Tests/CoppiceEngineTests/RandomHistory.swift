import CoppiceEngine
import CoppiceFormat
import TestSupport

/// Random branches with random content, the same for every run of a seed.
struct RandomHistory {
  var generator: SplitMix64
  var volumeCount = 3
  private var nextName = 1

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  /// Makes a branch and that many changes of it and its descendants.
  mutating func run(_ store: TestStore, stepCount: Int) throws {
    if store.engine.branches.entries().isEmpty {
      _ = try store.engine.branches.create(named: "b0")
    }
    for step in 0..<stepCount {
      let names = store.engine.branches.entries().filter { $0.flags.isEmpty }.map(\.name)
      let branch = try store.engine.branches.named(names[generator.below(names.count)])
      switch generator.below(14) {
      case 0:
        _ = try store.engine.branches.fork(
          branch, named: "b\(nextName)", isReadOnly: generator.bool())
        nextName += 1
      case 1, 2: try store.engine.sealer.seal(branch)
      case 3 where names.count > 2: try store.engine.branches.delete([branch])
      case 4: try resize(branch, time: Int64(step))
      case 5: try punch(branch, time: Int64(step))
      case 6: try drop(branch, time: Int64(step))
      default: try write(branch, time: Int64(step))
      }
    }
  }

  private mutating func volume() -> UInt64 { UInt64(1 + 300 * generator.below(volumeCount)) }

  private mutating func write(_ branch: EngineBranch, time: Int64) throws {
    let offset = generator.below(1 << (10 + generator.below(14)))
    let count = 1 + generator.below(20_000)
    // Half of the writes are small changes, of which differences are stored.
    let bytes = generator.bytes(generator.bool() ? min(count, 40) : count)
    try branch.put(volume(), at: UInt64(offset), bytes, time: time)
  }

  private mutating func resize(_ branch: EngineBranch, time: Int64) throws {
    var transaction = Transaction(time: time)
    transaction.resize(
      VolumeNumber(volume()), to: UInt64(generator.below(1 << (4 + generator.below(20)))))
    _ = try branch.commit(transaction)
  }

  private mutating func punch(_ branch: EngineBranch, time: Int64) throws {
    var transaction = Transaction(time: time)
    transaction.hole(
      VolumeNumber(volume()), at: UInt64(generator.below(2_000_000)),
      byteCount: UInt64(generator.below(400_000)))
    _ = try branch.commit(transaction)
  }

  private mutating func drop(_ branch: EngineBranch, time: Int64) throws {
    var transaction = Transaction(time: time)
    transaction.drop(VolumeNumber(volume()))
    _ = try branch.commit(transaction)
  }
}
