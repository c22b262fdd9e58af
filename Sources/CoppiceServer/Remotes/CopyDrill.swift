internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import CoppicePools

/// A copy in a pool, brought into an empty store with nothing but the pool's key, and tried there.
struct CopyDrill {
  let place: RemotePlace
  /// What the pool calls it.
  let copy: String
  /// For a shell, in the new store's directory; `nil` only reads and checks what came.
  let command: String?

  struct Outcome {
    var status: Int32
    var seconds: UInt32
    /// Read from the pool.
    var byteCount: UInt64
    /// The last that the command printed.
    var output: String
    var isClean: Bool
  }

  private static let shell = "/bin/sh"
  private static let outputByteCountMax = 4096

  /// - Parameter folder: is made, and removed in the end.
  func run(in folder: String, _ work: Work) throws(StoreError) -> Outcome {
    let start = ContinuousClock.now
    defer { Self.remove(folder) }
    let summary: StoreClone.Summary
    do throws(StoreError) {
      summary = try StoreClone(place, as: "origin").make(at: folder, bringing: [copy], work)
    } catch {
      // What cannot be brought back has not passed; all else says nothing of the copy.
      guard error.kind == .corrupt || error.reason == .gone else { throw error }
      let seconds = (ContinuousClock.now - start).components.seconds
      return Outcome(
        status: 1, seconds: UInt32(clamping: seconds), byteCount: 0, output: "\(error)",
        isClean: false)
    }
    let isClean = try Store.check(
      at: folder, isCancelled: { work.isCancelled }, progress: nil
    ).isClean
    var (status, output): (Int32, String) = (isClean ? 0 : 1, "")
    if let command, isClean { (status, output) = try run(command, in: folder, summary, work) }
    let seconds = (ContinuousClock.now - start).components.seconds
    return Outcome(
      status: status, seconds: UInt32(clamping: seconds),
      byteCount: summary.traffic.receivedByteCount, output: output, isClean: isClean)
  }

  private func run(
    _ command: String, in folder: String, _ summary: StoreClone.Summary, _ work: Work
  ) throws(StoreError) -> (status: Int32, output: String) {
    let script = """
      COPPICE_STORE=\(Self.quoted(folder)); export COPPICE_STORE
      COPPICE_BRANCH=\(Self.quoted(summary.branches[0].branch)); export COPPICE_BRANCH
      \(command)
      """
    do throws(SystemError) {
      let program = try StreamingProgram(
        Self.shell, ["-c", script], as: HostProcess.user, inheriting: ["PATH"])
      defer { program.end() }
      var output: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: Self.outputByteCountMax)
      var hasEnded = false
      while !hasEnded {
        do throws(SystemError) {
          let count = try piece.withMutableBytes { buffer throws(SystemError) in
            try program.output.readSome(into: buffer) {
              // What it has started, and left, may go on holding its output.
              hasEnded = (try? program.end(within: 0)) != nil
              return !hasEnded && !work.isCancelled
            }
          }
          if count == 0 { break }
          output = (output + piece[..<count]).suffix(Self.outputByteCountMax)
        } catch {
          if !hasEnded { throw error }
        }
      }
      let status = Self.status(try program.wait())
      let errors = program.errors.utf8.suffix(Self.outputByteCountMax)
      return (status, String(decoding: output + errors, as: UTF8.self))
    } catch {
      throw error.isCancelled
        ? .cancelled : StoreError(error, while: "running the drill's command")
    }
  }

  /// As a shell has it.
  private static func status(_ end: ProcessEnd) -> Int32 {
    switch end {
    case .exited(let status): status
    case .killed(let signal): 128 + signal
    case .unknown: 128
    }
  }

  private static func quoted(_ text: String) -> String {
    "'\(text.replacing("'", with: "'\\''"))'"
  }

  /// Best effort: it is a copy of a copy.
  private static func remove(_ folder: String) {
    guard let directory = try? HostDirectory(path: folder) else { return }
    try? directory.removeContents()
    let (parent, name) = HostPath.split(folder)
    try? HostDirectory(path: parent).removeDirectory(Array(name.utf8))
  }
}
