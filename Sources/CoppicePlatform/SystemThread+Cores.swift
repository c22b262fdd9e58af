internal import CLinux
internal import Glibc

extension SystemThread {
  /// How many threads the machine can run at once; at least 1.
  public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// A small number that the calling thread keeps and no other thread has.
  public static var currentNumber: UInt32 { clinux_thread_number() }

  /// The number of the core that runs the calling thread at this moment.
  public static var currentCore: Int { Int(clinux_current_core()) }
}
