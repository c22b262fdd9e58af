internal import CLinux
internal import Glibc

extension SystemThread {
  /// How many threads the machine can run at once; at least 1.
  public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// How many cores the machine may come to have while it runs, those that are switched off
  /// included.
  public static var possibleCoreCount: Int {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = bytes.withUnsafeMutableBytes { space -> Int in
      guard
        let file = try? HostDirectory(path: "/sys/devices/system/cpu")
          .openFile(Array("possible".utf8))
      else { return 0 }
      // A machine that does not say has those that run.
      return (try? file.readNext(into: space)) ?? 0
    }
    // For example `0-3`, or `0,2-3`.
    var cores = 0
    for part in String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: {
      ",\n".contains($0)
    }) {
      let ends = part.split(separator: "-").compactMap { Int($0) }
      if let first = ends.first, let last = ends.last, last >= first { cores += last - first + 1 }
    }
    return max(cores, coreCount)
  }

  /// Keeps the calling thread on one core; without effect when there is no such core for it.
  public static func stay(on core: Int) { _ = clinux_pin_thread(UInt32(core)) }

  /// A small number that the calling thread keeps and no other thread has.
  public static var currentNumber: UInt32 { clinux_thread_number() }

  /// The number of the core that runs the calling thread at this moment.
  public static var currentCore: Int { Int(clinux_current_core()) }
}
