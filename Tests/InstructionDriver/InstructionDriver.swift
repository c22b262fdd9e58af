internal import CoppiceErrors

/// Does the work of one hot path so often that its instructions can be counted, and prints how
/// often. What counts is done inside of `count`.
///
///     InstructionDriver PATH DIRECTORY
@main
struct InstructionDriver {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let path = HotPath(rawValue: arguments[1]) else {
      let paths = HotPath.allCases.map(\.rawValue).joined(separator: " ")
      print("usage: InstructionDriver PATH DIRECTORY, with a path of: \(paths)")
      return
    }
    print(try path.work(in: MeasuredStore(in: arguments[2], path)))
  }
}

/// Does what is to be counted.
func count(_ body: @escaping () throws(StoreError) -> Void) throws(StoreError) {
  CountedWork.body = body
  try countedWork()
}

/// What callgrind counts: nothing else in the process has its name, so the compiler must not make
/// more functions of it.
@inline(never)
private func countedWork() throws(StoreError) {
  try CountedWork.body()
  // With nothing behind it the body would take this function's place.
  CountedWork.count += 1
}

private enum CountedWork {
  nonisolated(unsafe) static var body: () throws(StoreError) -> Void = {}
  nonisolated(unsafe) static var count = 0
}
