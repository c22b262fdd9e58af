internal import CoppicePlatform
internal import Synchronization

/// What a target, or the user's rights on it, did not take; counted by any thread. It costs no more
/// than itself: the export goes on.
final class ExportLosses: Sendable {
  enum Kind: CaseIterable {
    /// Owner and group, and with them set-user-ID and set-group-ID bits.
    case owner
    case attribute
    case specialFile
    case symbolicLink
    /// The name leads to a file of its own.
    case hardLink
    /// Archives hold none.
    case socket
  }

  private struct Loss {
    var count = 0
    /// The first one, as an example.
    var example = ""
  }

  private let state = Mutex<[Kind: Loss]>([:])

  /// - Parameter example: the file, and why.
  func add(_ kind: Kind, _ example: @autoclosure () -> String) {
    state.withLock { losses in
      if losses[kind] == nil { losses[kind] = Loss(count: 0, example: example()) }
      losses[kind]?.count += 1
    }
  }

  var count: Int { state.withLock { $0.values.reduce(0) { $0 + $1.count } } }

  /// One sentence for each kind.
  var notes: [String] {
    let losses = state.withLock { $0 }
    return Kind.allCases.compactMap { kind in
      losses[kind].map { "\(kind.sentence($0.count)): \($0.example)" }
    }
  }
}

extension ExportLosses.Kind {
  fileprivate func sentence(_ count: Int) -> String {
    let isOne = count == 1
    return switch self {
    case .owner:
      isOne ? "the owner of a file was not restored" : "owners of \(count) files were not restored"
    case .attribute:
      isOne
        ? "an extended attribute was not restored"
        : "\(count) extended attributes were not restored"
    case .specialFile:
      isOne ? "a special file was not made" : "\(count) special files were not made"
    case .symbolicLink:
      isOne ? "a symbolic link was not made" : "\(count) symbolic links were not made"
    case .hardLink:
      isOne
        ? "a name of a file became a file of its own"
        : "\(count) names of files became files of their own"
    case .socket:
      isOne
        ? "a socket was left out, as tar holds none"
        : "\(count) sockets were left out, as tar holds none"
    }
  }
}
