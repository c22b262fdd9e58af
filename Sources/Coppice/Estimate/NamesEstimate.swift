internal import CoppiceEngine
internal import CoppiceFormat
internal import Synchronization

/// Makes the names of both inputs, in memory, as imports make them.
///
/// Times of what did not change otherwise are taken as equal: copies do not always keep them.
struct NamesEstimate {
  private static let batchCount = 256

  private let files: [EstimatedFile]
  /// The number of the next file that is made.
  private let next = NextNumber()
  private let time: Timestamp
  private var directories: [BranchPath: FileID] = [.root: .root]
  /// Numbers that no path has.
  private var fresh: UInt64

  private final class NextNumber: Sendable {
    let value = Atomic<UInt64>(0)
  }

  init(_ files: [EstimatedFile], time: Timestamp) {
    self.files = files
    self.time = time
    fresh = UInt64(files.count) + 2
  }

  private func tree(_ names: EstimatedNames) -> TreeCore {
    TreeCore(
      space: names,
      allocateVolume: { [next] () throws(StoreError) in
        VolumeNumber(next.value.load(ordering: .relaxed))
      },
      wallNanoseconds: { [time] in time.nanoseconds })
  }

  private func parent(of path: BranchPath) -> FileID {
    guard let parent = path.parent, let directory = directories[parent] else {
      preconditionFailure("a path whose directory does not come before it")
    }
    return directory
  }

  /// Makes the baseline's names.
  mutating func make(in names: EstimatedNames) throws(StoreError) {
    let wanted = files.filter { $0.before != nil }
    try place(wanted, in: tree(names), isFirst: true)
  }

  /// Makes them the branch's.
  mutating func change(in names: EstimatedNames) throws(StoreError) {
    let tree = tree(names)
    for file in files {
      guard let before = file.before, let parent = file.path.parent,
        let name = file.path.lastComponent
      else { continue }
      let isDirectory = before.kind == .directory
      guard file.after == nil || isDirectory && file.after?.kind != .directory else { continue }
      // What was in it is gone with a directory.
      directories[file.path] = nil
      if let directory = directories[parent] { try tree.removeTree(name, in: directory) }
    }
    try place(files.filter { $0.after != nil }, in: tree, isFirst: false)
  }

  private mutating func place(
    _ wanted: [EstimatedFile], in tree: TreeCore, isFirst: Bool
  ) throws(StoreError) {
    var placing = ImportedFiles()
    var rest = wanted[...]
    while !rest.isEmpty {
      let batch = rest.prefix(Self.batchCount)
      rest = rest.dropFirst(batch.count)
      try tree.update { transaction throws(StoreError) in
        for file in batch {
          guard let entry = isFirst ? file.before : file.after,
            let name = file.path.lastComponent
          else { continue }
          try place(file, entry, name, isFirst: isFirst, &placing, transaction)
        }
      }
    }
  }

  private mutating func place(
    _ file: EstimatedFile, _ entry: EstimateEntry, _ name: FileName, isFirst: Bool,
    _ placing: inout ImportedFiles, _ transaction: FileTransaction
  ) throws(StoreError) {
    let parent = parent(of: file.path)
    let existing = try transaction.lookupIfPresent(name, in: parent)
    var node = entry.node
    if let existing, existing.kind == node.kind, !file.withState({ $0.outcome.hasChanged }) {
      node.modified = try transaction.attributes(of: existing.file).modified
    }
    if isFirst || file.before == nil {
      next.value.store(file.volume.rawValue, ordering: .relaxed)
    } else {
      // The path's own number may still be in use.
      next.value.store(fresh, ordering: .relaxed)
      fresh += 1
    }
    let outcome = try placing.place(
      node, entry.source, name: name, in: parent, existing: existing,
      transaction)
    guard node.kind == .directory else { return }
    switch outcome {
    case .made(let directory), .kept(let directory): directories[file.path] = directory
    case .linked: break
    }
  }
}
