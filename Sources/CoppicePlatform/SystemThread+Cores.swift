internal import CLinux
internal import Glibc

extension SystemThread {
  /// How many threads the machine can run at once; at least 1.
  public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// The number of the core that runs the calling thread at this moment.
  public static var currentCore: Int { Int(clinux_current_core()) }
}
