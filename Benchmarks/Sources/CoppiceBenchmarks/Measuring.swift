internal import Glibc
internal import Synchronization

/// Seconds on the monotonic clock.
func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// How many seconds `body` takes.
func measure(_ body: () throws -> Void) rethrows -> Double {
  let start = seconds()
  try body()
  return seconds() - start
}

/// Many measurements of one thing.
struct Samples {
  private(set) var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  func quantile(_ share: Double) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : sorted[Int(Double(sorted.count - 1) * share)]
  }

  var median: Double { quantile(0.5) }
  var smallest: Double { values.min() ?? .nan }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the benchmarks' data is the same in every run.
struct Random {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func next(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

/// One line of the report: what was measured, what came out, and whether it is what it should be.
func report(_ item: String, _ result: String, ratio: Double? = nil, goal: Goal? = nil) {
  var line = "\(item): \(result)"
  if let ratio { line += "; ratio \(format(ratio, 2))" }
  if let goal, let ratio { line += " (\(goal), \(goal.isMet(by: ratio) ? "met" : "MISSED"))" }
  print(line)
  fflush(nil)
}

/// What a ratio should be.
enum Goal: CustomStringConvertible {
  case atMost(Double)
  case atLeast(Double)

  func isMet(by ratio: Double) -> Bool {
    switch self {
    case .atMost(let limit): ratio <= limit
    case .atLeast(let limit): ratio >= limit
    }
  }

  var description: String {
    switch self {
    case .atMost(let limit): "goal at most \(format(limit, limit < 0.1 ? 4 : 2))"
    case .atLeast(let limit): "goal at least \(format(limit, 2))"
    }
  }
}

func format(_ value: Double, _ digitCount: Int = 1) -> String {
  guard value.isFinite else { return "\(value)" }
  var scale = 1.0
  for _ in 0..<digitCount { scale *= 10 }
  let scaled = Int((abs(value) * scale).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard digitCount > 0 else { return "\(sign)\(scaled)" }
  let fraction = String(scaled % Int(scale))
  let zeros = String(repeating: "0", count: digitCount - fraction.count)
  return "\(sign)\(scaled / Int(scale)).\(zeros)\(fraction)"
}

func microseconds(_ seconds: Double) -> String { "\(format(seconds * 1e6, 0)) us" }
func megabytes(_ byteCount: Int) -> String { "\(format(Double(byteCount) / 1e6)) MB" }

/// Runs `body` on that many threads until it has run for `duration` seconds, in rounds; returns
/// rounds per second of all threads together.
func throughput(
  threadCount: Int, duration: Double, _ makeBody: @Sendable (Int) -> () -> Int
) -> Double {
  withoutActuallyEscaping(makeBody) { makeBody in
    let total = Atomic<Int>(0)
    let start = seconds()
    var threads: [pthread_t] = []
    for index in 0..<threadCount {
      threads.append(
        startThread {
          let body = makeBody(index)
          var count = 0
          while seconds() - start < duration { count += body() }
          total.add(count, ordering: .relaxed)
        })
    }
    for thread in threads { pthread_join(thread, nil) }
    return Double(total.load(ordering: .relaxed)) / (seconds() - start)
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

func startThread(_ run: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let code = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    }, Unmanaged.passRetained(ThreadBody(run)).toOpaque())
  precondition(code == 0, "no thread could be started")
  return thread
}
