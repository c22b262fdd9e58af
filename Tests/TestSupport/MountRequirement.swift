internal import Glibc

/// What tests of real mounts need. Where it is missing they are skipped; in CI they fail instead.
public enum MountRequirement {
  public static let text = "needs root and /dev/fuse"
  public static var isMet: Bool {
    getenv("CI") != nil || (getuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0)
  }
}
