internal import CoppicePlatform

/// The place where an export is built until it is complete: a directory that only its user can
/// enter, and whose name says `incomplete`, so that what a killed export leaves cannot be taken for
/// a whole one.
///
/// A target that does not exist is built in a stage beside it and moved up under its name. An empty
/// directory that exists is kept (it may be a mount point): its stage lies inside, and what is
/// built there is moved up entry by entry.
///
/// The stage holds a file that is locked as long as somebody works on it. A stage whose lock is
/// free was left by a process that is gone, and the next export to the same target removes it; a
/// directory of that name without such a file is not ours.
final class ExportStage {
  private static let claimName = Array(".coppice-export".utf8)
  /// Of the claim until it is locked.
  private static let unclaimedName = Array(".coppice-export-new".utf8)

  /// The private directory; what is built in it has the name `contentName`.
  let directory: HostDirectory
  let contentName: [UInt8]
  /// Where the stage's name lies.
  private let parent: HostDirectory
  private let stageName: [UInt8]
  /// `nil` where the target is the parent itself.
  private let finalName: [UInt8]?
  private let target: String
  /// Locked; released with this object.
  private let claim: HostFile
  /// What has its final place already.
  private var moved: [[UInt8]] = []
  /// Of the target, where it existed and is closed to others for now.
  private var targetPermissions: UInt32?

  /// Refuses a target that holds anything, and makes the stage.
  init(_ target: String, acceptsDirectory: Bool) throws(StoreError) {
    self.target = target
    let place = try ExportPlace(target, acceptsDirectory: acceptsDirectory)
    (parent, finalName) = (place.parent, place.finalName)
    contentName = place.finalName ?? Array("export".utf8)
    let prefix = place.stagePrefix
    stageName = prefix + Array("\(HostProcess.identifier)".utf8)
    Self.removeLeftovers(prefix, in: place.parent)
    try place.refuseExisting(besides: prefix)
    let name = stageName
    (directory, claim) = try writing(target) {
      () throws(SystemError) -> (HostDirectory, HostFile) in
      try place.parent.makeDirectory(name, permissions: 0o700)
      try place.parent.setPermissions(of: name, 0o700)
      let directory = try place.parent.openDirectory(name)
      return (directory, try Self.claim(directory))
    }
  }

  /// Nobody sees the claim before it is locked. Where files cannot be locked it keeps the other
  /// name, and what is left stays.
  private static func claim(_ directory: HostDirectory) throws(SystemError) -> HostFile {
    let claim = try directory.makeFile(unclaimedName, permissions: 0o600)
    let isLocked = (try? claim.tryLock()) ?? false
    if isLocked { try directory.rename(unclaimedName, to: claimName) }
    return claim
  }

  // MARK: Building

  /// Makes the directory to build in.
  func makeDirectory() throws(StoreError) -> HostDirectory {
    try writing(target) { () throws(SystemError) in
      try directory.makeDirectory(contentName, permissions: 0o700)
      return try directory.openDirectory(contentName)
    }
  }

  /// Gives the finished export its place. `top` restores the attributes of the top directory.
  func complete(
    top: (HostDirectory, [UInt8]) throws(StoreError) -> Void = { _, _ throws(StoreError) in }
  ) throws(StoreError) {
    if finalName != nil {
      try top(directory, contentName)
      try writing(target) { () throws(SystemError) in
        try move(contentName, from: directory)
        try parent.sync()
      }
      return removeStage()
    }
    try writing(target) { () throws(SystemError) in
      // Nobody sees a part of it.
      targetPermissions = try parent.status().permissions
      try parent.setPermissions(of: [], 0o700)
      let content = try directory.openDirectory(contentName)
      for name in try content.names() { try move(name, from: content) }
    }
    removeStage()
    try top(parent, [])
    try writing(target) { () throws(SystemError) in try parent.sync() }
  }

  /// Moves a name up. Only a directory that its user may write can leave another one.
  private func move(_ name: [UInt8], from source: HostDirectory) throws(SystemError) {
    let status = try source.status(of: name)
    let isClosed = status.kind == .directory && status.permissions & 0o200 == 0
    if isClosed { try source.setPermissions(of: name, status.permissions | 0o200) }
    try source.move(name, to: parent)
    moved.append(name)
    if isClosed { try parent.setPermissions(of: name, status.permissions) }
  }

  // MARK: Removing

  /// Removes what was built.
  func remove() {
    for name in moved { Self.removeQuietly(name, in: parent) }
    removeStage()
    if let targetPermissions { try? parent.setPermissions(of: [], targetPermissions) }
  }

  private func removeStage() { Self.removeQuietly(stageName, in: parent) }

  /// Removes the stages that processes which are gone have left for the same target.
  private static func removeLeftovers(_ prefix: [UInt8], in parent: HostDirectory) {
    guard let names = try? parent.names() else {
      // The target will say better what is wrong with its directory.
      return
    }
    for name in names where ExportPlace.isStage(name, prefix) {
      if let claim = abandonedClaim(of: name, in: parent) {
        removeQuietly(name, in: parent)
        withExtendedLifetime(claim) {}
      }
    }
  }

  /// The claim, locked, of a stage of this user's on which nobody works.
  private static func abandonedClaim(of name: [UInt8], in parent: HostDirectory) -> HostFile? {
    do throws(SystemError) {
      let stage = try parent.openDirectory(name)
      guard try stage.status().user == HostProcess.user else { return nil }
      let claim = try stage.openFile(claimName, forWriting: true)
      return try claim.tryLock() ? claim : nil
    } catch {
      return nil
    }
  }

  private static func removeQuietly(_ name: [UInt8], in directory: HostDirectory) {
    do throws(SystemError) {
      try directory.removeTree(name)
    } catch {
      // What cannot be removed still says `incomplete` in its name.
    }
  }
}

/// Where an export's target lies.
private struct ExportPlace {
  private static let mark = Array(".incomplete-".utf8)

  let parent: HostDirectory
  let finalName: [UInt8]?
  private let target: String

  init(_ target: String, acceptsDirectory: Bool) throws(StoreError) {
    self.target = target
    // Whatever else is there is refused later.
    if acceptsDirectory, let directory = try? HostDirectory(path: target) {
      (parent, finalName) = (directory, nil)
      return
    }
    let (folder, text) = HostPath.split(target)
    let name = ByteText.bytes(text)
    guard !name.isEmpty, name != Array(".".utf8), name != Array("..".utf8) else {
      throw Self.exists(target)
    }
    parent = try writing(target) { () throws(SystemError) in try HostDirectory(path: folder) }
    finalName = name
  }

  /// What the names of all stages for this target begin with; a process's number follows.
  var stagePrefix: [UInt8] { (finalName ?? Array("coppice".utf8)).prefix(200) + Self.mark }

  static func isStage(_ name: [UInt8], _ prefix: [UInt8]) -> Bool {
    name.starts(with: prefix) && name.count > prefix.count
      && name.dropFirst(prefix.count).allSatisfy { (0x30...0x39).contains($0) }
  }

  /// Throws `conflict` where the target exists and is no directory with stages only.
  func refuseExisting(besides prefix: [UInt8]) throws(StoreError) {
    guard let finalName else {
      let names = try writing(target) { () throws(SystemError) in try parent.names() }
      guard names.allSatisfy({ Self.isStage($0, prefix) }) else {
        throw StoreError(
          .conflict, "the directory is not empty", object: target,
          remedy: "choose a target that does not exist, or an empty directory",
          reason: .notEmpty)
      }
      return
    }
    do throws(SystemError) {
      _ = try parent.status(of: finalName)
    } catch {
      if error.isMissing { return }
      throw StoreError(writing: error, object: target)
    }
    throw Self.exists(target)
  }

  private static func exists(_ target: String) -> StoreError {
    StoreError(
      .conflict, "exists already", object: target, remedy: "choose another target",
      reason: .exists)
  }
}
