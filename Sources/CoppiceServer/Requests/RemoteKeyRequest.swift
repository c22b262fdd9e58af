package import Coppice
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

package struct RemoteKeyRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/keys",
    "Have another key open a pool, or one no more, or use another one from now on.")

  package var remote: String
  package var change: RemoteKeyChange
  /// With `add` and `rotate`: where the new key is put, which must not exist.
  package var keyFile: String?
  /// With `add` and `rotate`: what people call the key.
  package var label: String?
  /// With `remove`: the key's number.
  package var number: UInt32?

  package init(
    remote: String, change: RemoteKeyChange, keyFile: String?, label: String?, number: UInt32?
  ) {
    self.remote = remote
    self.change = change
    self.keyFile = keyFile
    self.label = label
    self.number = number
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store).and(.govern, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let connection = try context.writableConnection(remote)
    switch change {
    case .add: _ = try add(connection, context)
    case .remove:
      guard let number else {
        throw StoreError(.invalid, "a key that is removed has a number", object: remote)
      }
      try write(connection, context) { writer throws(StoreError) in
        try writer.removeWrapper(PoolWrapperID(number))
      }
    case .rotate: try rotate(connection, context)
    }
    let now = try context.writableConnection(remote)
    var reading = try context.read(now)
    return Answer(
      RemoteAnswer(try RemoteRegistry(context.store).remote(remote)),
      try PoolAnswer(reading.head, &reading.access))
  }

  private func write(
    _ connection: PoolConnection, _ context: RequestContext,
    _ body: (PoolWriter) throws(StoreError) -> Void
  ) throws(StoreError) {
    try PoolUse.of(connection, by: context.store).write(
      connection, of: context.store, as: .transfer, context.work, body)
  }

  /// The key is durable before the pool knows it. Returns its file.
  private func add(
    _ connection: PoolConnection, _ context: RequestContext
  ) throws(StoreError) -> String {
    guard let keyFile, !keyFile.isEmpty else {
      throw StoreError(
        .invalid, "a new key is put into a file", object: remote,
        remedy: "name one that is not there")
    }
    var generator = SystemRandomNumberGenerator()
    let secret = PoolSecret(using: &generator)
    try write(connection, context) { writer throws(StoreError) in
      let outer = OuterKey(
        pool: connection.outer.pool, wrapper: try writer.wrappers().next, secret: secret)
      try KeyFile.make(keyFile, outer, outsideOf: context.store.directory)
      try writer.addWrapper(outer, label: label ?? HostPath.split(keyFile).name)
    }
    return keyFile
  }

  /// At any time the store's setting has a key that opens the pool.
  private func rotate(
    _ connection: PoolConnection, _ context: RequestContext
  ) throws(StoreError) {
    let file = try add(connection, context)
    try RemoteRegistry(context.store).change(remote) { settings in
      settings.place.keyFile = file
      settings.place.keyCommand = nil
    }
    let renewed = try context.writableConnection(remote)
    try write(renewed, context) { writer throws(StoreError) in
      try writer.removeWrapper(connection.outer.wrapper)
    }
  }

  package struct Answer: ReportAnswer {
    package var report: RemoteAnswer
    package var addition: PoolAnswer

    package init(_ report: RemoteAnswer, _ addition: PoolAnswer) {
      self.report = report
      self.addition = addition
    }
  }
}

package enum RemoteKeyChange: String, Codable, Sendable, CaseIterable {
  case add, remove, rotate
}
