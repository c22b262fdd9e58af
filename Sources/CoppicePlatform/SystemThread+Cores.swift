internal import Glibc

extension SystemThread {
  /// How many threads the machine can run at once; at least 1.
  public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
