internal import CoppiceErrors
internal import CoppicePlatform

/// What isolation can be given on this machine: found out by doing all of it but starting a
/// program.
struct IsolationTrial {
  let settings: LauncherSettings

  /// The most that can be given, and why not more; the latter is empty where there is no more.
  /// - Throws: `denied` when root can start nothing as another user, `conflict` when the numbers of
  ///   instances are somebody's.
  func result() throws(StoreError) -> (Isolation, note: String) {
    guard HostProcess.user == 0 else { return (.none, "the server does not run as root") }
    guard let users = settings.users, settings.isolationMax != .none else {
      throw StoreError(
        .invalid, "root starts no instance as itself, and has no user numbers for them",
        remedy: "give the server a range by --pg-users")
    }
    try users.checkIsFree()
    var start = ProgramStart("/")
    start.identity = ProgramStart.Identity(user: users.first, group: users.first)
    do throws(SystemError) { try start.attempt() } catch {
      throw StoreError(
        .denied, "no program can be started as another user here",
        remedy: "run the server with root's capabilities", cause: error.description)
    }
    guard settings.isolationMax == .full else { return (settings.isolationMax, "") }
    do throws(StoreError) {
      start.root = try InstanceRoot(settings: settings, user: users.first, group: users.first)
        .base()
    } catch {
      return (.user, Self.note(error.cause ?? error.message))
    }
    do throws(SystemError) { try start.attempt() } catch {
      return (.user, Self.note(error.description))
    }
    return (.full, "")
  }

  private static func note(_ cause: String) -> String {
    "no namespaces for instances can be made here: \(cause)"
  }
}
