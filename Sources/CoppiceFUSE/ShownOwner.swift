internal import Coppice
internal import Synchronization

/// Under which numbers a mount shows the files of one user and group of a branch.
///
/// So a server works on a branch under a number of its own, which has no right to any other branch,
/// and no file is touched: the branch keeps the owner that its files were stored with, forks and
/// exports have it, and files that the server makes are stored as that owner's.
public struct ShownOwner: Hashable, Sendable {
  /// As the branch has them.
  public var storedUserID, storedGroupID: UInt32
  /// As programs see them in the mount.
  public var userID, groupID: UInt32

  public init(storedUserID: UInt32, storedGroupID: UInt32, userID: UInt32, groupID: UInt32) {
    self.storedUserID = storedUserID
    self.storedGroupID = storedGroupID
    self.userID = userID
    self.groupID = groupID
  }

  func shown(userID stored: UInt32) -> UInt32 { stored == storedUserID ? userID : stored }

  func shown(groupID stored: UInt32) -> UInt32 { stored == storedGroupID ? groupID : stored }

  func stored(userID shown: UInt32) -> UInt32 { shown == userID ? storedUserID : shown }

  func stored(groupID shown: UInt32) -> UInt32 { shown == groupID ? storedGroupID : shown }
}

/// The owners of branches that are shown under other numbers, by the branch.
final class OwnerTable: Sendable {
  private let owners = Mutex<[UInt64: ShownOwner]>([:])

  /// `nil`: all of them are shown as they are.
  func owner(in tree: FileTree) -> ShownOwner? { owners.withLock { $0[tree.id] } }

  /// Returns whether that is a change.
  func set(_ owner: ShownOwner?, of entry: UInt64) -> Bool {
    owners.withLock { owners in
      defer { owners[entry] = owner }
      return owners[entry] != owner
    }
  }
}

extension Mount {
  /// Shows the files of one user and group of a branch under other numbers from now on, or, with
  /// `nil`, all of them as they are. Programs that have files of the branch open get `ESTALE` if
  /// that is a change: what the kernel knows of its files is of the old owner. Holds for as long as
  /// the mount, also when the branch is reset.
  ///
  /// - Parameter entry: the branch's `id`.
  public func show(_ owner: ShownOwner?, of entry: UInt64) {
    guard session.owners.set(owner, of: entry) else { return }
    session.invalidate(.replaced(entry: entry))
  }
}
