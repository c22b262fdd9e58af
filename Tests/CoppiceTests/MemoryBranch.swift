import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization

/// A branch over volumes in memory.
final class MemoryBranch: Sendable {
  final class Entry: EntryHandle {
    let id = BranchID(7)
    let name = "main"
    let isSnapshot: Bool
    var isReadOnly: Bool { isSnapshot }
    init(isSnapshot: Bool) { self.isSnapshot = isSnapshot }
  }

  let space: MemorySpace
  let core: TreeCore
  let branch: Branch

  init(_ space: MemorySpace = MemorySpace(), firstNumber: UInt64 = 2, isSnapshot: Bool = false) {
    self.space = space
    let numbers = Counter(firstNumber)
    let times = Counter(1000)
    core = TreeCore(
      space: space,
      allocateVolume: { () throws(StoreError) in VolumeNumber(numbers.next()) },
      wallNanoseconds: { Int64(times.next()) })
    branch = Branch(core: core, entry: Entry(isSnapshot: isSnapshot))
  }

  /// The same volumes, as another process would find them.
  func reopened() -> MemoryBranch { MemoryBranch(space, firstNumber: 100_000) }
}

final class Counter: Sendable {
  private let value: Atomic<UInt64>
  init(_ first: UInt64) { value = Atomic(first) }
  func next() -> UInt64 { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// The error that `body` ends with.
func failure(_ body: () throws -> Void) -> StoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoreError
  }
}
