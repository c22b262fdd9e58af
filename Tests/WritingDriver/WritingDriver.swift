internal import Coppice

/// Writes numbered files and pages without end, and prints each number once it is durable.
///
///     WritingDriver STORE FIRST
@main
struct WritingDriver {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, var number = UInt64(arguments[2]) else {
      print("usage: WritingDriver STORE FIRST")
      return
    }
    let store = try Store.open(at: arguments[1])
    let branch = try store.branch("main")
    while true {
      try branch.transaction { transaction throws(StoreError) in
        try write(number, transaction)
      }
      try branch.flush()
      print(number)
      flushOutput()
      number += 1
    }
  }

  /// One transaction: a new file, and a page in a file that all share. Both must be there, or none.
  private static func write(
    _ number: UInt64, _ transaction: FileTransaction
  ) throws(StoreError) {
    let text = Array("\(number)\n".utf8)
    let made = try transaction.createFile(try FileName("n\(number)"), in: .root)
    try transaction.write(made.file, at: 0, text)
    let shared: FileName = "shared"
    let known = try transaction.lookupIfPresent(shared, in: .root)
    let file =
      if let known { known.file } else { try transaction.createFile(shared, in: .root).file }
    try transaction.write(file, at: number % 512 * 8192, text)
  }
}
