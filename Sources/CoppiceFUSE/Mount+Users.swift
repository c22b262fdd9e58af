internal import Coppice
internal import CoppicePlatform

/// A process that uses files of a mount.
public struct MountUser: Hashable, Sendable {
  public var process: Int32
  /// Its program's name.
  public var name: String
  /// As whom it runs; `nil` when it has ended.
  public var userID: UInt32?
  /// The branch or snapshot, by its name of today.
  public var entry: String
  /// Files that it has open or mapped, each counted once.
  public var fileCount: Int
  /// Whether its working directory is one of the entry's.
  public var isWorkingThere: Bool
}

extension Mount {
  /// The processes that use files of the mount, as far as this one may look: once for each branch
  /// or snapshot. This process itself is left out. Looks at all processes of the machine.
  public var users: [MountUser] {
    guard let top = FileUser.Identity(of: directory) else { return [] }
    return FileUser.all().flatMap { user in
      var uses: [[UInt8]: MountUser] = [:]
      func use(_ inode: UInt64, _ change: (inout MountUser) -> Void) {
        guard let entry = session.branches.name(ofInode: inode) else { return }
        change(
          &uses[
            entry.nameKey,
            default: MountUser(
              process: user.process, name: user.name, userID: user.userID, entry: entry,
              fileCount: 0, isWorkingThere: false)])
      }
      for inode in user.files(onDevice: top.device) { use(inode) { $0.fileCount += 1 } }
      if let place = user.workingDirectory, place.device == top.device {
        use(place.inode) { $0.isWorkingThere = true }
      }
      return uses.values.sorted { $0.entry.precedes($1.entry) }
    }
  }
}
