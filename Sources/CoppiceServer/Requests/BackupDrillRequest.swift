package import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePools

package struct BackupDrillRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/drill",
    "Bring a copy into an empty store by the pool's key alone, and try it there.")
  package static let isCancellable = true

  package var remote: String
  /// `branch` or `branch@snapshot`, as the pool calls it.
  package var copy: String
  /// For a shell. Without, what came is read and checked.
  package var command: String?
  /// Where the store is made; the directory for temporary files without.
  package var folder: String?

  package init(remote: String, copy: String, command: String?, folder: String?) {
    self.remote = remote
    self.copy = copy
    self.command = command
    self.folder = folder
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store).and(.govern, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let known = try RemoteRegistry(context.store).remote(remote)
    let connection = try PoolConnection(known, in: context.store.directory)
    let reading = try context.read(connection)
    let listed = try reading.entries.named(copy, in: connection.place)
    let begin = reading.access.now
    let outcome = try CopyDrill(place: known.place, copy: copy, command: command)
      .run(in: try place(), context.work)
    let drill = PoolDrill(
      at: begin, status: outcome.status, seconds: outcome.seconds, byteCount: outcome.byteCount)
    var notes: [String] = []
    do throws(StoreError) {
      let writing = try context.writableConnection(remote)
      try PoolUse.of(writing, by: context.store).write(
        writing, of: context.store, as: .member, context.work
      ) { writer throws(StoreError) in try writer.noteDrill(listed.name, drill) }
    } catch {
      notes = ["the pool does not keep the result: \(error.commandText)"]
    }
    return Answer(
      remote: remote, copy: copy, id: listed.name.text,
      drilledAt: Timestamp(nanoseconds: begin), status: Int(outcome.status),
      isPassed: outcome.status == 0, seconds: Int(outcome.seconds), byteCount: outcome.byteCount,
      output: outcome.output, notes: notes)
  }

  private static let folderDefault = "/tmp"

  /// A directory that is not there.
  private func place() throws(StoreError) -> String {
    let top = folder ?? HostProcess.variable("TMPDIR") ?? Self.folderDefault
    var generator = SystemRandomNumberGenerator()
    let number: UInt64 = generator.next()
    return "\(top)/coppice-drill-\(String(number, radix: 16))"
  }

  package struct Answer: Codable, Sendable {
    package var remote: String
    package var copy: String
    package var id: String
    package var drilledAt: Timestamp
    /// With which the command ended; 0 without one when all that came is whole.
    package var status: Int
    package var isPassed: Bool
    package var seconds: Int
    /// Read from the pool.
    package var byteCount: UInt64
    /// The last that the command printed.
    package var output: String
    package var notes: [String]
  }
}
