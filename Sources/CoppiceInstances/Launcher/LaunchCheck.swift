internal import CoppiceErrors
internal import CoppicePlatform

/// Finds out whether a launcher may start what it is asked for, and opens what that is about:
/// nothing can be changed between the look and the use.
struct LaunchCheck {
  /// What instances of that launcher may be given.
  let settings: LauncherSettings
  let isolationMax: Isolation
  /// The user that the launcher is.
  let user: UInt32

  private var isPrivileged: Bool { user == 0 }

  /// The start of a program, ready but for its output.
  func start(for launch: Launch) throws(StoreError) -> ProgramStart {
    try checkIsolation(launch)
    try ProgramCheck(directories: settings.programDirectories, isPrivileged: isPrivileged)
      .check(launch.program)
    let isOwnUser = launch.isolation == .none
    let identity = ProgramStart.Identity(
      user: isOwnUser ? user : launch.userID, group: launch.groupID)
    let place = try InstancePlace(launch, settings, identity, launcher: user)
    var start = ProgramStart(launch.program, launch.arguments)
    start.environment = launch.environment
    start.outOfMemoryScore = launch.outOfMemoryScore
    start.openFileCountMax = UInt64(launch.openFileCountMax)
    if !isOwnUser {
      start.identity = identity
      start.processCountMax = UInt64(launch.processCountMax)
    }
    if launch.isolation == .full {
      start.root = try InstanceRoot(settings: settings, user: identity.user, group: identity.group)
        .root(program: launch.program, place)
    }
    return start
  }

  private func checkIsolation(_ launch: Launch) throws(StoreError) {
    let isPossible =
      switch launch.isolation {
      case .full: isolationMax == .full
      case .user: isolationMax != .none
      case .none: !isPrivileged
      }
    guard isPossible else {
      throw StoreError(
        .denied,
        "the launcher does not start instances with isolation '\(launch.isolation.rawValue)'",
        object: launch.data,
        remedy: isPrivileged
          ? "it gives '\(isolationMax.rawValue)'"
          : "run the server as root, or use isolation 'none'")
    }
    guard launch.isolation != .none else { return }
    for number in [launch.userID, launch.groupID] {
      guard settings.users?.contains(number) == true else {
        throw StoreError(
          .denied, "the number \(number) is none that instances may have", object: launch.data,
          remedy: settings.users.map { "use one of \($0)" }
            ?? "give the server a range by --pg-users")
      }
    }
  }
}
