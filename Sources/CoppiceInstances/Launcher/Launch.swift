/// A program of PostgreSQL that the launcher is to start, for one branch.
///
/// Paths, words and values are texts as `ByteText` has them; paths are absolute and have no
/// symbolic link on their way.
package struct Launch: Hashable, Sendable {
  /// In one of the launcher's directories of programs.
  package var program: String
  package var arguments: [String]
  /// All of its environment.
  package var environment: [String: String]
  package var isolation: Isolation
  /// Of the launcher's range; not looked at for `.none`.
  package var userID: UInt32
  package var groupID: UInt32
  /// The branch's data directory, which belongs to the user number: below the mount, in the branch
  /// or the branch itself.
  package var data: String
  /// A directory below the launcher's one for runs: what the program may write to besides its
  /// branch. It belongs to the user number, or is given to it.
  package var runDirectory: String
  /// Files and directories below the launcher's one for runs, beside the run directory, that the
  /// program may read. Of a directory it sees every change, of a file that is replaced by another
  /// one of that name none.
  package var readOnlyPaths: [String]
  /// What the kernel adds when it looks for processes to end for want of memory, -1000 to 1000;
  /// `nil` leaves it as the launcher's.
  package var outOfMemoryScore: Int?
  /// Files that one process may have open; no more than the launcher itself may.
  package var openFileCountMax: UInt32
  /// Processes and threads of the user number; not set for `.none`.
  package var processCountMax: UInt32

  package init(
    program: String, arguments: [String], environment: [String: String] = [:],
    isolation: Isolation, userID: UInt32, groupID: UInt32, data: String, runDirectory: String,
    readOnlyPaths: [String] = [], outOfMemoryScore: Int? = nil, openFileCountMax: UInt32 = 65_536,
    processCountMax: UInt32 = 4096
  ) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.isolation = isolation
    self.userID = userID
    self.groupID = groupID
    self.data = data
    self.runDirectory = runDirectory
    self.readOnlyPaths = readOnlyPaths
    self.outOfMemoryScore = outOfMemoryScore
    self.openFileCountMax = openFileCountMax
    self.processCountMax = processCountMax
  }
}
