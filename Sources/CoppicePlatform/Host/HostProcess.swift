internal import Glibc

/// This process as the machine sees it.
public enum HostProcess {
  /// Its number, unique among those that run.
  public static var identifier: Int32 { getpid() }
}
