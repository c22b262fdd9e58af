package import CoppiceErrors
internal import CoppicePlatform
internal import NIOCore
internal import Synchronization

extension FrontDoor {
  /// Opens the door of a branch: listens on `port`, where 0 is the kernel's choice, or on the first
  /// port of `range` that is free and not one to avoid. Returns the port.
  ///
  /// `target` is asked for each connection, by a thread that may wait for a lock, but not long.
  ///
  /// Throws `invalid` for numbers that are no ports and an address that is not this machine's,
  /// `inUse` when the branch's door is open, `denied` for a port that takes privileges, and
  /// `unavailable` when the port is taken, none of the range is free, or the doors are shut down.
  package func open(
    _ id: UInt64, port: Int?, in range: ClosedRange<Int>, avoiding: Set<Int>,
    target: @escaping @Sendable () -> FrontDoorTarget
  ) throws(StoreError) -> Int {
    try begin(id)
    let door = BranchDoor(
      id, target: target,
      connections: DoorConnections(countMax: options.connectionCountMax, of: total),
      certificate: certificate, requiresTLS: !isLoopback,
      startupTimeout: TimeAmount(options.startupTimeout),
      logger: options.logger)
    let opened: OpenDoor
    do throws(StoreError) {
      opened =
        if let port {
          try listen(door, on: port)
        } else {
          try listen(door, in: range, avoiding: avoiding)
        }
    } catch {
      state.withLock { _ = $0.opening.remove(id) }
      throw error
    }
    let isWanted = state.withLock { state in
      state.opening.remove(id)
      guard !state.isShutDown else { return false }
      state.doors[id] = opened
      return true
    }
    guard isWanted else {
      Self.end([opened])
      throw Self.shutDownError
    }
    return opened.port
  }

  private static let shutDownError = StoreError(
    .unavailable, "the server is ending: it opens no more ports")

  private func begin(_ id: UInt64) throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      guard !state.isShutDown else { throw Self.shutDownError }
      guard state.doors[id] == nil, state.opening.insert(id).inserted else {
        throw StoreError(.inUse, "the branch \(id) has an open port", object: options.address)
      }
    }
  }

  private func listen(
    _ door: BranchDoor, in range: ClosedRange<Int>, avoiding: Set<Int>
  ) throws(StoreError) -> OpenDoor {
    let own = state.withLock { Set($0.doors.values.map(\.port)) }
    for port in range where !avoiding.contains(port) && !own.contains(port) {
      switch bind(door, try portAddress(port)) {
      case .success(let opened): return opened
      case .failure(let error):
        if SystemError(error, call: "bind")?.isPortTaken == true { continue }
        throw bindError(error, port)
      }
    }
    throw StoreError(
      .unavailable, "no port from \(range.lowerBound) to \(range.upperBound) is free",
      object: options.address,
      remedy: "stop instances that nobody needs, or start the server with other --pg-ports")
  }

  private func listen(_ door: BranchDoor, on port: Int) throws(StoreError) -> OpenDoor {
    switch bind(door, try portAddress(port)) {
    case .success(let opened): return opened
    case .failure(let error): throw bindError(error, port)
    }
  }

  private func portAddress(_ port: Int) throws(StoreError) -> SocketAddress {
    guard 0...65535 ~= port else {
      throw StoreError(
        .invalid, "is no port", object: "\(port)", remedy: "choose one from 1024 to 65535")
    }
    return try Self.socketAddress(options.address, port: port)
  }

  private func bind(_ door: BranchDoor, _ address: SocketAddress) -> Result<OpenDoor, any Error> {
    Result {
      let listener = try door.listen(on: address, group: group).wait()
      let port = listener.localAddress?.port ?? address.port ?? 0
      return OpenDoor(door: door, listener: listener, port: port)
    }
  }

  private func bindError(_ error: any Error, _ port: Int) -> StoreError {
    let call = SystemError(error, call: "bind")
    var failure = StoreError(
      .unavailable, "cannot listen on port \(port)", object: options.address,
      remedy: "try again, or another port", cause: call?.description ?? "\(error)")
    guard let call else { return failure }
    if call.isPortTaken {
      failure.message = "port \(port) is taken"
      failure.remedy =
        "choose another, or end the program that has it: `ss -ltnp 'sport = :\(port)'` names it"
    } else if call.isDenied {
      failure.kind = .denied
      failure.message = "this user may not listen on port \(port)"
      failure.remedy = "choose a port from 1024 on"
    } else if call.isForeignAddress {
      failure.kind = .invalid
      failure.message = "is no address of this machine"
      failure.remedy = "choose one that `ip address` lists"
    } else if call.isPassing {
      failure.reason = .passing
    }
    return failure
  }
}
