internal import CoppiceEngine
internal import CoppicePlatform

/// The place where an export is built until it is complete. Its name says `incomplete`, so that what
/// a killed export leaves cannot be taken for a whole one.
///
/// A target that does not exist is built beside its final name and renamed. An empty directory that
/// exists is kept (it may be a mount point): the export is built in a directory inside, whose
/// entries are moved up at the end.
struct ExportStage {
  private enum Form {
    case beside
    case inside
  }

  /// Where the stage's name lies.
  private let parent: HostDirectory
  private let stageName: [UInt8]
  private let finalName: [UInt8]
  private let form: Form
  private let target: String

  /// Refuses a target that holds anything.
  init(_ target: String, acceptsDirectory: Bool) throws(StoreError) {
    self.target = target
    let suffix = Array(".incomplete-\(HostProcess.identifier)".utf8)
    let trimmed = ExportStage.trimmed(target)
    if acceptsDirectory, let directory = try ExportStage.emptyDirectory(target) {
      (parent, form) = (directory, .inside)
      (stageName, finalName) = (Array("coppice".utf8) + suffix, [])
      return
    }
    let slash = trimmed.lastIndex(of: UInt8(ascii: "/"))
    let name = Array(trimmed[(slash.map { $0 + 1 } ?? 0)...])
    guard !name.isEmpty, name != Array(".".utf8), name != Array("..".utf8) else {
      throw StoreError(
        .conflict, "exists already", object: target, remedy: "choose another target",
        reason: .exists)
    }
    let folder = slash.map { ByteText.text(trimmed[...$0]) } ?? "."
    parent = try writing(target) { () throws(SystemError) in try HostDirectory(path: folder) }
    form = .beside
    finalName = name
    stageName = Array(name.prefix(200)) + suffix
    try refuseExisting()
  }

  /// The directory the target is, if it is one; throws `conflict` when it is not empty.
  private static func emptyDirectory(_ target: String) throws(StoreError) -> HostDirectory? {
    let directory: HostDirectory
    do throws(SystemError) {
      directory = try HostDirectory(path: target)
    } catch {
      return nil
    }
    let names = try writing(target) { () throws(SystemError) in try directory.names() }
    guard names.isEmpty else {
      throw StoreError(
        .conflict, "the directory is not empty", object: target,
        remedy: "choose a target that does not exist, or an empty directory",
        reason: .notEmpty)
    }
    return directory
  }

  private func refuseExisting() throws(StoreError) {
    do throws(SystemError) {
      _ = try parent.status(of: finalName)
    } catch {
      if error.isMissing { return }
      throw StoreError(writing: error, object: target)
    }
    throw StoreError(
      .conflict, "exists already", object: target, remedy: "choose another target",
      reason: .exists)
  }

  // MARK: Building

  /// Makes the directory to build in.
  func makeDirectory() throws(StoreError) -> HostDirectory {
    try writing(target) { () throws(SystemError) in
      try parent.makeDirectory(stageName, permissions: 0o700)
      return try parent.openDirectory(stageName)
    }
  }

  /// The directory to build a single file in, under `name`.
  var fileDirectory: HostDirectory { parent }
  var fileName: [UInt8] { stageName }

  /// Gives the finished export its name. `finish` restores the attributes of the top directory.
  func complete(
    top: (HostDirectory, [UInt8]) throws(StoreError) -> Void = { _, _ throws(StoreError) in }
  ) throws(StoreError) {
    switch form {
    case .beside:
      try top(parent, stageName)
      try writing(target) { () throws(SystemError) in
        try parent.rename(stageName, to: finalName, exclusively: true)
        try parent.sync()
      }
    case .inside:
      try writing(target) { () throws(SystemError) in
        let stage = try parent.openDirectory(stageName)
        for name in try stage.names() { try stage.move(name, to: parent) }
        try parent.removeDirectory(stageName)
      }
      try top(parent, [])
      try writing(target) { () throws(SystemError) in try parent.sync() }
    }
  }

  /// Removes what was built.
  func remove() {
    do throws(SystemError) {
      try parent.removeTree(stageName)
    } catch {
      // What cannot be removed still says `incomplete` in its name.
    }
  }

  private static func trimmed(_ path: String) -> ArraySlice<UInt8> {
    var bytes = ByteText.bytes(path)[...]
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    return bytes
  }
}
