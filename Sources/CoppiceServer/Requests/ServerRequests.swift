package import Coppice
internal import CoppiceInstances
internal import CoppicePlatform

package struct StatusRequest: ServerRequest {
  package static let route = Route(.get, "/v1/status", "Tell what the server does.")
  package static let isBrief = true

  package init() {}

  package var access: Access { Access(.status, .store) }

  package func run(_ server: ServerState, _ context: RequestContext) -> Answer { server.status }

  package struct Answer: Codable, Sendable {
    package var isRunning: Bool
    package var store: String
    /// The number of the server's process.
    package var process: Int?
    package var startedAt: Timestamp?
    /// Requests that are being carried out, this one among them.
    package var requestCount: Int
    package var mounts: [MountAnswer]
  }
}

package struct StopRequest: ServerRequest {
  package static let route = Route(
    .post, "/v1/stop", "End the server once running requests are answered.")

  /// Also while files of its mounts are open, or clients are connected to instances.
  package var force: Bool
  /// For how many seconds to wait until no client is connected to any instance.
  package var drain: UInt64?

  package init(force: Bool = false, drain: UInt64? = nil) {
    self.force = force
    self.drain = drain
  }

  package var access: Access { Access(.govern, .store) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    if let drain { _ = server.instances.current?.drain(seconds: drain) }
    if !force {
      try server.instances.refuseConnected()
      try server.refresher.refuseRunning()
      try BranchUse.refuseAll(
        context.store, context.doors, besides: server.instances.running)
    }
    server.requestStop()
    return Answer(process: Int(HostProcess.identifier))
  }

  package struct Answer: Codable, Sendable {
    package var process: Int
  }
}

package struct MountRequest: ServerRequest {
  package static let route = Route(
    .post, "/v1/mounts", "Mount the store on a directory: every branch is a directory in it.")

  /// Absolute: the server may work elsewhere than whoever asks.
  package var directory: String
  /// Let the kernel gather writes and send them later.
  package var writebackCache: Bool
  /// Take requests by memory that the kernel shares, where it can be had to offer that.
  package var rings: Bool

  package init(directory: String, writebackCache: Bool, rings: Bool) {
    self.directory = directory
    self.writebackCache = writebackCache
    self.rings = rings
  }

  package var access: Access { Access(.run, .store) }

  package func run(
    _ server: ServerState, _ context: RequestContext
  ) throws(StoreError) -> Answer {
    Answer(mount: try server.open(self), process: Int(HostProcess.identifier))
  }

  package struct Answer: Codable, Sendable {
    package var mount: MountAnswer
    /// The number of the server's process.
    package var process: Int
    /// What is otherwise than programs may expect.
    package var notes: [String]

    package init(mount: MountAnswer, process: Int) {
      self.mount = mount
      self.process = process
      notes = [Self.syncNote]
    }

    private static let syncNote =
      "the kernel does not pass syncfs and sync to this mount: they return before what was written "
      + "is durable, which it is at the latest a second after it was written; fsync waits until "
      + "it is"
  }
}

/// A mount of the store as answers have it.
package struct MountAnswer: Codable, Sendable {
  /// Absolute, without symbolic links.
  package var directory: String
  /// Whether the kernel gathers writes and sends them later.
  package var usesWritebackCache: Bool
  /// Whether requests come by memory that the kernel shares.
  package var usesRings: Bool

  package init(directory: String, usesWritebackCache: Bool, usesRings: Bool) {
    self.directory = directory
    self.usesWritebackCache = usesWritebackCache
    self.usesRings = usesRings
  }
}
