internal import NIOCore
internal import Synchronization

/// The connections of one door: those that were let in, and those that still have to say who they
/// are or were refused. Any thread may ask.
final class DoorConnections: Sendable {
  typealias Number = UInt64

  private struct Connection {
    var client: any Channel
    var server: (any Channel)?
    var isAdmitted = false
  }

  private struct State {
    var connections: [Number: Connection] = [:]
    var admittedCount = 0
    var nextNumber: Number = 0
    var isClosed = false
  }

  /// Of those that are let in, and of the others.
  private let countMax: Int
  private let total: ConnectionTotal
  private let state = Mutex(State())

  init(countMax: Int, of total: ConnectionTotal) {
    self.countMax = countMax
    self.total = total
  }

  var admittedCount: Int { state.withLock { $0.admittedCount } }

  /// Takes a connection in, until its channel is closed; `nil` when it is to be closed at once: by
  /// a door that is closed, or because too many others have not said who they are.
  func add(_ client: any Channel) -> Number? {
    guard total.open() else { return nil }
    let number: Number? = state.withLock { state in
      guard !state.isClosed, state.connections.count - state.admittedCount < countMax else {
        return nil
      }
      defer { state.nextNumber += 1 }
      state.connections[state.nextNumber] = Connection(client: client)
      return state.nextNumber
    }
    guard let number else {
      total.close()
      return nil
    }
    client.closeFuture.whenComplete { _ in
      self.remove(number)
      self.total.close()
    }
    return number
  }

  /// Counts the connection from now on. Returns why not, when there are too many.
  func admit(_ number: Number) -> StartupRefusal? {
    state.withLock { state in
      guard state.connections[number] != nil else { return .noAnswer }
      guard state.admittedCount < countMax else { return .tooMany(countMax) }
      guard total.admit() else { return .tooManyInAll(total.countMax) }
      state.connections[number]?.isAdmitted = true
      state.admittedCount += 1
      return nil
    }
  }

  /// Ends `server` with the connection. A connection whose server is gone counts no longer: its
  /// client may take long to read the rest. False when it has been ended; `server` is to be closed.
  func attach(_ server: any Channel, to number: Number) -> Bool {
    let isThere = state.withLock { state in
      guard state.connections[number] != nil else { return false }
      state.connections[number]?.server = server
      return true
    }
    if isThere { server.closeFuture.whenComplete { _ in self.dismiss(number) } }
    return isThere
  }

  /// The connection counts no longer.
  func dismiss(_ number: Number) {
    state.withLock { state in
      guard state.connections[number]?.isAdmitted == true else { return }
      state.connections[number]?.isAdmitted = false
      state.admittedCount -= 1
      total.dismiss()
    }
  }

  private func remove(_ number: Number) {
    dismiss(number)
    state.withLock { _ = $0.connections.removeValue(forKey: number) }
  }

  /// Ends all. What it returns is done when none of them is connected to a server.
  func endAll(closing: Bool) -> [EventLoopFuture<Void>] {
    let ended = state.withLock { state in
      defer {
        for _ in 0..<state.admittedCount { total.dismiss() }
        state.connections = [:]
        state.admittedCount = 0
      }
      if closing { state.isClosed = true }
      return state.connections.values
    }
    // A client may take a moment to answer the end of TLS; nobody waits for that.
    return ended.compactMap { connection in
      connection.client.close(promise: nil)
      return connection.server.map { server in
        server.close(promise: nil)
        return server.closeFuture
      }
    }
  }
}
