/// What keeps an instance from all that is not its branch.
package enum Isolation: String, Codable, Hashable, Sendable, CaseIterable {
  /// A user number of its own; mount, process, IPC and network namespaces of its own; no
  /// privileges; of the machine's files only the programs, of the store only its branch.
  case full
  /// A user number of its own: other branches are kept from it by the permissions of their files.
  /// It has the machine's network, and sees its files as any user does.
  case user
  /// Nothing: it works as the user of the server, who owns all branches.
  case none
}
