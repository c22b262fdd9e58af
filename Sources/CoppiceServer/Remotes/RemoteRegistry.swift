internal import Coppice
internal import CoppicePlatform
internal import CoppiceS3

/// The remotes of a store: settings that are read, and changed only from what they were when they
/// were read.
struct RemoteRegistry {
  let store: Store

  init(_ store: Store) { self.store = store }

  /// Nanoseconds since 1970-01-01 UTC.
  var now: Int64 { store.clock.wallNanoseconds() }

  /// All, in the order of their names' bytes. Throws `corrupt` for one that cannot be read.
  func all() throws(StoreError) -> [RemoteSettings] {
    var remotes: [RemoteSettings] = []
    for setting in store.settings()
    where setting.key.utf8.starts(with: RemoteSettings.settingPrefix.utf8) {
      remotes.append(try Self.read(setting.value, setting.key))
    }
    return remotes
  }

  /// Throws `notFound`, with the nearest names.
  func remote(_ name: String) throws(StoreError) -> RemoteSettings { try kept(name).remote }

  private func kept(_ name: String) throws(StoreError) -> (remote: RemoteSettings, bytes: [UInt8]) {
    if let bytes = try bytes(of: name) {
      return (try Self.read(bytes, RemoteSettings.settingKey(name)), bytes)
    }
    let near = NearestNames.find(name, among: try all().map(\.name)).joined(separator: ", ")
    throw StoreError(
      .notFound, "there is no such remote", object: name,
      remedy: near.isEmpty
        ? "list them with `coppice remote list`" : Remedy("did you mean \(near)?"))
  }

  private func bytes(of name: String) throws(StoreError) -> [UInt8]? {
    // Nothing longer is a name, nor the key of a setting.
    guard !name.isEmpty, name.utf8.count <= EntryName.byteCountMax else { return nil }
    return try store.setting(RemoteSettings.settingKey(name))
  }

  /// Throws `invalid` for what is no name, `conflict` for one that is taken.
  func checkFree(_ name: String) throws(StoreError) {
    try EntryName.validate(remote: name)
    if try bytes(of: name) != nil { throw Self.taken(name) }
  }

  /// Throws `conflict` when the store knows that pool, or what lies in that place, by another name.
  func checkNew(_ place: RemotePlace, pool: String?) throws(StoreError) {
    let settings = try place.settings()
    for remote in try all() {
      let known = try remote.place.settings()
      guard
        remote.pool == pool
          || known.location == settings.location && known.endpoint == settings.endpoint
      else { continue }
      throw StoreError(
        .conflict, "the store knows this pool already, as \(remote.name)", object: place.url,
        remedy: "use that name, or `coppice remote remove \(remote.name)` first", reason: .exists)
    }
  }

  /// Throws `conflict` when there is one of that name.
  func add(_ remote: RemoteSettings) throws(StoreError) {
    do throws(StoreError) {
      try store.change(
        RemoteSettings.settingKey(remote.name), from: nil, to: JSON.encode(remote), annotating: [])
    } catch {
      throw error.reason == .stale ? Self.taken(remote.name) : error
    }
  }

  /// Changes a remote as it is, again when another change was quicker; returns it.
  @discardableResult
  func change(
    _ name: String, _ change: (inout RemoteSettings) -> Void
  ) throws(StoreError) -> RemoteSettings {
    while true {
      var (remote, bytes) = try kept(name)
      change(&remote)
      do throws(StoreError) {
        try store.change(
          RemoteSettings.settingKey(name), from: bytes, to: JSON.encode(remote), annotating: [])
        return remote
      } catch {
        guard error.reason == .stale else { throw error }
      }
    }
  }

  /// Returns what it was.
  func remove(_ name: String) throws(StoreError) -> RemoteSettings {
    let (remote, bytes) = try kept(name)
    try store.change(RemoteSettings.settingKey(name), from: bytes, to: nil, annotating: [])
    return remote
  }

  private static func taken(_ name: String) -> StoreError {
    StoreError(
      .conflict, "there is a remote of that name", object: name,
      remedy: "choose another name; `coppice remote show \(name)` tells what it is",
      reason: .exists)
  }

  private static func read(_ bytes: [UInt8], _ key: String) throws(StoreError) -> RemoteSettings {
    do throws(JSONFailure) { return try JSON.decode(RemoteSettings.self, from: bytes) } catch {
      throw StoreError(
        .corrupt, "the setting is not that of a remote", object: key,
        remedy: "a program that uses the library can remove it with `Store.set`",
        cause: error.description)
    }
  }
}
