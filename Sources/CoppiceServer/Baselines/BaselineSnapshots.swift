internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

/// The approved snapshots of a store's baselines, and the branches that came of them, at one
/// moment.
struct BaselineSnapshots {
  struct Approved {
    var entry: EntryInfo
    var approval: Approval
  }

  /// In order of their making.
  private let approved: [Approved]
  /// How many live branches name each baseline, by the bytes of its name, as where they came from.
  private let childCounts: [[UInt8]: Int]

  /// Throws `corrupt` for an annotation that cannot be read.
  init(_ store: Store) throws(StoreError) {
    var approved: [Approved] = []
    for (entry, value) in try store.entries(carrying: .approval) {
      approved.append(
        Approved(entry: entry, approval: try Self.read(Approval.self, value, of: entry)))
    }
    self.approved = approved
    var childCounts: [[UInt8]: Int] = [:]
    // Branches of one snapshot have one origin, byte for byte: it is read once.
    var baselines: [[UInt8]: [UInt8]] = [:]
    for (entry, value) in try store.entries(carrying: .origin) where !entry.isSnapshot {
      // What cannot be read is nobody's: no baseline's name is empty.
      let baseline = baselines[value] ?? Self.origin(value)?.baseline.nameKey ?? []
      baselines[value] = baseline
      // A work branch that was reset to what came of it is no child.
      if baseline != entry.name.nameKey { childCounts[baseline, default: 0] += 1 }
    }
    self.childCounts = childCounts
  }

  func approved(of name: String) -> [Approved] {
    approved.filter { BaselineSnapshots.branch(of: $0.entry.name).hasBytes(of: name) }
  }

  func childCount(of name: String) -> Int { childCounts[name.nameKey] ?? 0 }

  /// The branch that a snapshot's name begins with.
  static func branch(of snapshot: String) -> String {
    String(Substring(snapshot.utf8.prefix { $0 != UInt8(ascii: "@") }))
  }

  static func origin(_ value: [UInt8]) -> Origin? {
    do throws(JSONFailure) { return try JSON.decode(Origin.self, from: value) } catch {
      return nil
    }
  }

  static func read<Value: Decodable>(
    _ type: Value.Type, _ value: [UInt8], of entry: EntryInfo
  ) throws(StoreError) -> Value {
    do throws(JSONFailure) { return try JSON.decode(type, from: value) } catch {
      throw StoreError(
        .corrupt, "an annotation is not that of a baseline", object: entry.name,
        remedy: "approve the snapshot anew", cause: error.description)
    }
  }
}
