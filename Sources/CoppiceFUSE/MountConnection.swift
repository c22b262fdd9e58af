internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// The connection of a new mount to the kernel, its terms settled.
struct MountConnection {
  let session: MountSession
  /// The places of requests by rings; none when they are read from the device.
  let rings: [FUSERing]
  private let device: FUSEDevice

  /// Mounts the store at a place.
  init(_ store: Store, _ place: MountPoint, _ options: Mount.Options) throws(StoreError) {
    let claim = try MountClaim(store, at: place.directory)
    device = try place.mount(allowsOthers: options.allowsOthers)
    do throws(SystemError) {
      session = MountSession(
        store, claim, try MountPlace(place.directory), device: device, options: options)
      rings = try RequestServer(session, DeviceChannel(device)).answerFirst()
    } catch {
      // Nobody uses it yet; the error says what became of it.
      try? FUSEMounting.abort(place.directory)
      throw StoreError(error, while: "starting the mount")
    }
  }

  // MARK: Threads

  /// Starts what serves the mount until it is unmounted.
  func startThreads() throws(SystemError) -> [SystemThread] {
    guard !rings.isEmpty else {
      return try startReaders(count: max(session.options.threadCount, 1))
    }
    // What the kernel does not send by rings: what it forgets, and what it would interrupt.
    var threads = try startReaders(count: 1)
    for (index, ring) in rings.enumerated() {
      threads.append(
        try SystemThread(name: "mount ring \(index)") { [session, device] in
          // A core that is switched off has no requests either.
          SystemThread.stay(on: ring.core)
          RequestServer(session, RingChannel(ring, device: device)).run()
        })
    }
    return threads
  }

  /// Each reads the device by a descriptor of its own.
  private func startReaders(count: Int) throws(SystemError) -> [SystemThread] {
    var threads: [SystemThread] = []
    for index in 0..<count {
      let own = index == 0 ? device : try device.clone()
      threads.append(
        try SystemThread(name: "mount \(index)") { [session] in
          RequestServer(session, DeviceChannel(own)).run()
        })
    }
    return threads
  }
}
