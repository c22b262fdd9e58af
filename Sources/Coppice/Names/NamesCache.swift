package import CoppiceEngine
package import CoppiceFormat
internal import Synchronization

/// The committed pages of one names tree, as far as they are in RAM, and the version of its state.
///
/// The version is even while nothing is being committed. A reader notes it, walks without a lock
/// and looks again: if it moved, what was read may be a mixture, and the reader starts over. A page
/// that a reader fetched is kept only if the version has not moved meanwhile, so no old page ever
/// takes the place of a newer one.
package final class NamesCache: Sendable {
  static let byteCountMax = 2 << 20

  let space: any VolumeSpace
  private let generationPageCountMax: Int
  private let state = Mutex(State())

  private struct State {
    var version: UInt64 = 0
    var header: NamesTreeHeader?
    /// Pages used since the generations were last exchanged, and those used before.
    var young: [UInt32: NamesImage] = [:]
    var old: [UInt32: NamesImage] = [:]
  }

  /// Reads the tree in volume 0 of the space.
  package init(space: any VolumeSpace) {
    self.space = space
    generationPageCountMax = max(Self.byteCountMax / space.pageByteCount / 2, 8)
  }

  var version: UInt64 { state.withLock { $0.version } }

  /// The state as it is now. Its pages may be a mixture unless `version` is even and still the same
  /// when the reader is done.
  package func current() throws(StoreError) -> CommittedNames {
    let (version, known) = state.withLock { ($0.version, $0.header) }
    if let known { return CommittedNames(cache: self, version: version, header: known) }
    let image = try image(of: 0, version: version)
    let header: NamesTreeHeader
    do throws(FormatError) {
      header = try withExtendedLifetime(image) { () throws(FormatError) -> NamesTreeHeader in
        try NamesTreeHeader(decoding: image.bytes)
      }
    } catch {
      throw .damagedNames(0, error)
    }
    state.withLock { if $0.version == version { $0.header = header } }
    return CommittedNames(cache: self, version: version, header: header)
  }

  func image(of page: UInt32, version: UInt64) throws(StoreError) -> NamesImage {
    if let image = state.withLock({ Self.find(page, &$0) }) { return image }
    let image = try load(page)
    state.withLock { state in
      if state.version == version { insert(image, page, &state) }
    }
    return image
  }

  private static func find(_ page: UInt32, _ state: inout State) -> NamesImage? {
    if let image = state.young[page] { return image }
    guard let image = state.old.removeValue(forKey: page) else { return nil }
    state.young[page] = image
    return image
  }

  private func insert(_ image: NamesImage, _ page: UInt32, _ state: inout State) {
    if state.young.count >= generationPageCountMax {
      state.old = state.young
      state.young = [:]
    }
    state.young[page] = image
    state.old[page] = nil
  }

  /// A volume 0 that was never written is a tree with nothing but the root directory.
  private func load(_ page: UInt32) throws(StoreError) -> NamesImage {
    if page <= 1, try space.attributes(of: .names) == nil {
      return EmptyNames.image(of: page, pageByteCount: space.pageByteCount)
    }
    return try NamesImage(reading: page, of: space)
  }

  /// Announces that pages are about to change. The writer's lock is held.
  package func beginCommit() {
    state.withLock { $0.version += 1 }
  }

  /// Puts what was committed in place; with `nil` nothing was.
  package func endCommit(_ changes: NamesChanges?) {
    state.withLock { state in
      if let changes {
        for (page, image) in changes.pages {
          image.noteStored()
          insert(image, page, &state)
        }
        state.header = changes.header
      }
      state.version += 1
    }
  }

  /// Ends a commit that replaced the volume: forgets everything. The writer's lock is held.
  func invalidate() {
    state.withLock { state in
      state.version += 1
      state.header = nil
      state.young = [:]
      state.old = [:]
    }
  }
}

/// What a transaction made of the tree.
package struct NamesChanges {
  var header: NamesTreeHeader
  var pages: [UInt32: NamesImage]
}

/// The tree as one version of the cache shows it.
package struct CommittedNames: NamesPages {
  let cache: NamesCache
  let version: UInt64
  /// As page 0 says.
  package let header: NamesTreeHeader

  /// From memory, or from the volume.
  package func image(of page: UInt32) throws(StoreError) -> NamesImage {
    try cache.image(of: page, version: version)
  }
}

/// The tree that a volume 0 without any bytes stands for.
enum EmptyNames {
  static func image(of page: UInt32, pageByteCount: Int) -> NamesImage {
    let image = NamesImage(pageByteCount: pageByteCount)
    if page == 0 {
      var header = NamesTreeHeader(pageByteCount: pageByteCount)
      header.cellCount = 1
      header.encode(into: image.contents)
      return image
    }
    let editor = NamesPageEditor(image.contents)
    editor.initialize(level: 0)
    let root = VolumeNumber(1)
    var inode = InodeRecord(
      kind: FileKind.directory.rawValue, permissions: 0o755, parent: root, time: 0)
    inode.linkCount = 2
    NamesKey.inode(root).bytes.withUnsafeBytes { key in
      inode.encode().withUnsafeBytes { value in
        editor.insert(at: 0, key: key, value: value, isOverflow: false)
      }
    }
    return image
  }
}
