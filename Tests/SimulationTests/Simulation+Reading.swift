internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport

/// Reading what the store holds.
extension Simulation {
  /// Everything the store holds, by reading every page that was ever written. Deleted branches
  /// cannot be read: they count as what the model says.
  func actualState() throws -> ModelState {
    guard let engine else { throw failure("the store is not open") }
    var found = ModelState()
    for setting in engine.branches.settings() { found.settings[setting.key] = setting.value }
    for entry in engine.branches.entries() {
      var branch = ModelBranch(name: entry.name)
      branch.isReadOnly = entry.flags.contains(.readOnly)
      branch.isDeleted = entry.flags.contains(.deleted)
      branch.annotations = entry.annotations
      branch.domain = entry.domain
      if branch.isDeleted {
        branch.volumes = state.branches[entry.id]?.volumes ?? [:]
      } else {
        branch.volumes = try volumes(of: try self.branch(entry.id))
      }
      found.branches[entry.id] = branch
    }
    return found
  }

  private func volumes(of branch: EngineBranch) throws -> [VolumeNumber: ModelVolume] {
    var volumes: [VolumeNumber: ModelVolume] = [:]
    for number in 0..<UInt64(Workload.volumeCount) {
      let number = VolumeNumber(number)
      guard let attributes = try attributes(branch, number) else { continue }
      var volume = ModelVolume()
      for page in touched[number] ?? [] {
        let offset = page * UInt64(ModelVolume.pageByteCount)
        let bytes = try read(branch, number, at: offset, count: ModelVolume.pageByteCount)
        if !areEqual(bytes, Array(ModelVolume.zeroPage.prefix(bytes.count))) {
          volume.write(bytes, at: offset)
        }
      }
      guard volume.byteCount <= attributes.byteCount else {
        throw failure("reading volume \(number.rawValue) gives bytes past its end")
      }
      volume.resize(to: attributes.byteCount)
      volume.modified = attributes.modified
      volumes[number] = volume
    }
    return volumes
  }

  private func attributes(_ branch: EngineBranch, _ volume: VolumeNumber) throws
    -> VolumeAttributes?
  {
    do {
      return try branch.attributes(of: volume)
    } catch {
      throw failure("looking for volume \(volume.rawValue): \(error)")
    }
  }

  func read(_ branch: EngineBranch, _ volume: VolumeNumber, at offset: UInt64, count: Int) throws
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    do {
      let done = try bytes.withUnsafeMutableBytes {
        try branch.read(volume, at: offset, into: $0)
      }
      return Array(bytes[..<done])
    } catch {
      throw failure("reading volume \(volume.rawValue) at \(offset): \(error)")
    }
  }

  /// Compares a few ranges of a few volumes with the model.
  func readSome(seed: UInt64) throws {
    guard history.inDoubt == nil else { return }
    var generator = SplitMix64(seed: seed)
    for id in state.living {
      let volume = VolumeNumber(UInt64(generator.below(Workload.volumeCount)))
      let expected = state.branches[id]?.volumes[volume]
      let branch = try self.branch(id)
      guard try attributes(branch, volume)?.byteCount == expected?.byteCount else {
        throw failure("branch \(id.rawValue) volume \(volume.rawValue): another byte count")
      }
      guard let expected, expected.byteCount > 0 else { continue }
      let pages = (touched[volume] ?? [0]).sorted()
      let page = pages[generator.below(pages.count)]
      let offset = page * 4096 + UInt64(generator.below(4096))
      let found = try read(branch, volume, at: offset, count: 1 + generator.below(20_000))
      guard areEqual(found, expected.bytes(at: offset, count: found.count)) else {
        throw failure("branch \(id.rawValue) volume \(volume.rawValue) at \(offset): other bytes")
      }
    }
  }

  /// Reads every structure from disk, past all caches.
  func checkStructures() throws {
    if disk.isPoweredOff { throw PowerIsOff() }
    guard let engine, let report = try? engine.checks.check(progress: { _ in true }) else { return }
    if let finding = report.findings.first {
      throw failure("\(finding.object): \(finding.message)")
    }
  }

  /// Compares everything with the model.
  func checkAll() throws {
    if disk.isPoweredOff { throw PowerIsOff() }
    guard history.inDoubt == nil else { return }
    if let difference = state.difference(from: try actualState()) { throw failure(difference) }
  }
}

extension ModelVolume {
  func bytes(at offset: UInt64, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var place = offset
    while bytes.count < count {
      let start = Int(place % UInt64(Self.pageByteCount))
      let part = page(place / UInt64(Self.pageByteCount))[start...].prefix(count - bytes.count)
      bytes += part
      place += UInt64(part.count)
    }
    return bytes
  }
}
