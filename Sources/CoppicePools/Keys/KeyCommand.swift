package import CoppiceErrors
internal import CoppicePlatform

/// A command of the user's that prints an outer key, for example one that asks a service that keeps
/// keys. It prints what a key file has in it and ends with 0.
package enum KeyCommand {
  /// What it has of this process's variables. No others: they would be words of a program's start,
  /// which every user of the machine can read, and some are secrets.
  private static let variables = ["HOME", "PATH"]
  private static let shell = "/bin/sh"
  private static let source = "the key command"
  private static let remedy: Remedy = "run it by hand: it is to print the text of a key file"

  /// Runs the command by the shell, as this process's user and without input.
  ///
  /// Nothing of what it printed is in any error. Throws `unavailable` when it cannot be started,
  /// runs longer than `time` or does not end with 0, `invalid` when it prints no key or more bytes
  /// than one has, `unsupportedFormat`.
  package static func key(
    _ command: String, within time: Duration = .seconds(60)
  ) throws(StoreError) -> OuterKey {
    var text = [UInt8](repeating: 0, count: OuterKey.textByteCountMax + 1)
    defer { SecretMemory.erase(&text) }
    let count: Int
    let end: ProcessEnd?
    do throws(SystemError) {
      (count, end) = try run(command, within: time, into: &text)
    } catch {
      throw error.isCancelled
        ? tooLong(time)
        : StoreError(
          .unavailable, "could not be run", object: source, remedy: remedy, cause: "\(error)")
    }
    guard count <= OuterKey.textByteCountMax else {
      throw StoreError(.invalid, "printed more than a key", object: source, remedy: remedy)
    }
    guard let end else { throw tooLong(time) }
    guard end == .exited(0) else {
      throw StoreError(.unavailable, "did not end with 0", object: source, remedy: remedy)
    }
    text.removeLast(text.count - count)
    return try OuterKey(text: text, source: source)
  }

  /// Returns how many bytes it printed, as far as there is room, and how it ended; `nil` when it
  /// did not in that time. It runs no longer afterwards.
  private static func run(
    _ command: String, within time: Duration, into text: inout [UInt8]
  ) throws(SystemError) -> (count: Int, end: ProcessEnd?) {
    let program = try StreamingProgram(
      shell, ["-c", command], as: HostProcess.user, inheriting: variables)
    defer { program.end() }
    let deadline = ContinuousClock.now + time
    let count = try text.withUnsafeMutableBufferPointer { text throws(SystemError) in
      try program.output.readNext(into: UnsafeMutableRawBufferPointer(text)) {
        ContinuousClock.now < deadline
      }
    }
    // With its output full it may wait for ever.
    if count == text.count { return (count, nil) }
    let rest = (deadline - ContinuousClock.now).components
    let milliseconds = rest.seconds * 1000 + rest.attoseconds / 1_000_000_000_000_000
    return (count, try program.end(within: Int32(clamping: max(0, milliseconds))))
  }

  private static func tooLong(_ time: Duration) -> StoreError {
    StoreError(.unavailable, "did not end within \(time)", object: source, remedy: remedy)
  }
}
