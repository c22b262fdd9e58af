/// What a name in a simulated directory means.
enum SimulatedEntry {
  case file(SimulatedInode)
  case directory(SimulatedDirectory)

  var identity: ObjectIdentifier {
    switch self {
    case .file(let inode): ObjectIdentifier(inode)
    case .directory(let directory): ObjectIdentifier(directory)
    }
  }
}

/// A simulated directory: the names seen, the names on the device, and the changes between them.
///
/// Guarded by the disk's lock.
final class SimulatedDirectory: @unchecked Sendable {
  enum Change {
    case link(String, SimulatedEntry)
    case unlink(String)
    case rename(String, to: String, SimulatedEntry)
  }

  private(set) var current: [String: SimulatedEntry] = [:]
  private(set) var durable: [String: SimulatedEntry] = [:]
  private(set) var pending: [Change] = []

  func change(_ change: Change) {
    Self.apply(change, to: &current)
    pending.append(change)
  }

  func sync() {
    for change in pending { Self.apply(change, to: &durable) }
    pending = []
  }

  /// Applies changes in order. A change whose predecessor was lost still means what it says: a
  /// renaming makes the target the file that was renamed.
  private static func apply(_ change: Change, to names: inout [String: SimulatedEntry]) {
    switch change {
    case .link(let name, let entry): names[name] = entry
    case .unlink(let name): names[name] = nil
    case .rename(let source, let target, let entry):
      if names[source]?.identity == entry.identity { names[source] = nil }
      names[target] = entry
    }
  }

  /// Keeps none, all, a first part or any subset of the pending changes, here and below.
  func crash(using generator: inout SplitMix64) {
    switch generator.below(4) {
    case 0: break
    case 1: for change in pending { Self.apply(change, to: &durable) }
    case 2:
      let count = generator.below(pending.count + 1)
      for change in pending.prefix(count) { Self.apply(change, to: &durable) }
    default:
      for change in pending where generator.bool() { Self.apply(change, to: &durable) }
    }
    pending = []
    current = durable
    for name in current.keys.sorted() {
      switch current[name] {
      case .file(let inode): inode.crash(using: &generator)
      case .directory(let directory): directory.crash(using: &generator)
      case nil: break
      }
    }
  }

  /// A copy of everything here and below that shares nothing.
  func copy(_ copies: inout [ObjectIdentifier: SimulatedEntry]) -> SimulatedDirectory {
    let copy = SimulatedDirectory()
    copies[ObjectIdentifier(self)] = .directory(copy)
    copy.current = current.mapValues { $0.copy(&copies) }
    copy.durable = durable.mapValues { $0.copy(&copies) }
    copy.pending = pending.map { change in
      switch change {
      case .link(let name, let entry): .link(name, entry.copy(&copies))
      case .unlink: change
      case .rename(let source, let target, let entry):
        .rename(source, to: target, entry.copy(&copies))
      }
    }
    return copy
  }
}

extension SimulatedEntry {
  fileprivate func copy(_ copies: inout [ObjectIdentifier: SimulatedEntry]) -> SimulatedEntry {
    if let copy = copies[identity] { return copy }
    switch self {
    case .file(let inode):
      let copy = SimulatedEntry.file(inode.copy())
      copies[identity] = copy
      return copy
    case .directory(let directory):
      return .directory(directory.copy(&copies))
    }
  }
}
