internal import Coppice

/// What a proof of deletion is about, and, in sentences that can be quoted, what it is not.
package struct Coverage: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// What the branch had replaced and removed before: a collection has left nothing since that no
  /// other branch or snapshot shows.
  package static let replaced = Coverage(rawValue: 1)

  /// What a proof says nothing about.
  static func missing(_ found: ReclaimVerification, _ covers: Coverage) -> [String] {
    missing(
      covers, isInJournal: found.held.contains { $0.holder == .journal },
      isComplete: found.isComplete, repairFolders: found.repairFolders)
  }

  /// What a proof says nothing about when nobody has looked for anything.
  static var missingUnlooked: [String] {
    missing([], isInJournal: true, isComplete: false, repairFolders: [])
  }

  private static func missing(
    _ covers: Coverage, isInJournal: Bool, isComplete: Bool, repairFolders: [String]
  ) -> [String] {
    var sentences = [
      "What the branch shared with other branches and snapshots: it stays with them.",
      "Blocks of the device on which removed files lay: the file system or the device may keep "
        + "their old content until it writes them again.",
    ]
    if isInJournal {
      sentences.append(
        "Free files of the journal that are not yet overwritten: they may have records of the "
          + "branch.")
    }
    if !isComplete {
      sentences.append(
        "Pages of the branch that are not known: damage or a crash kept the store from finding out "
          + "all that it alone held, or it lay in too many places. A full garbage collection "
          + "leaves nothing of them.")
    }
    if !covers.contains(.replaced) {
      sentences.append(
        "What the branch had replaced or removed before it was deleted: garbage collections take "
          + "it away, and a full one leaves nothing of it.")
    }
    if !repairFolders.isEmpty {
      sentences.append(
        "Folders that repairs left in the store, with copies of its files: "
          + "\(repairFolders.joined(separator: ", ")).")
    }
    return sentences + [
      "The branch's name, which records of the store and its proofs have.",
      "Copies of the store's directory: backups, snapshots of the file system or of the machine.",
      "Entries in pools to which the branch or what was made of it was pushed.",
      "What left the store by an export, a dump or a mount, and what programs keep of it.",
    ]
  }
}
