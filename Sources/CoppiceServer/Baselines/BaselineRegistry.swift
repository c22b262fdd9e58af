internal import Coppice
internal import CoppiceEngine
internal import CoppiceLifecycle
internal import CoppicePlatform

/// The baselines of a store: settings that are read, and changed only from what they were when they
/// were read.
struct BaselineRegistry {
  let store: Store

  init(_ store: Store) { self.store = store }

  /// A baseline, and the bytes that it was read from.
  struct Kept {
    var baseline: Baseline
    var bytes: [UInt8]
  }

  /// Nanoseconds since 1970-01-01 UTC.
  var now: Int64 { store.engine.clock.wallNanoseconds() }

  /// All, in the order of their names' bytes. Throws `corrupt` for one that cannot be read.
  func all() throws(StoreError) -> [Baseline] {
    var baselines: [Baseline] = []
    for setting in store.settings() where setting.key.utf8.starts(with: Self.prefix) {
      baselines.append(try Self.read(setting.value, setting.key))
    }
    return baselines
  }

  /// `nil` where there is none of that name. Throws `corrupt`.
  func find(_ name: String) throws(StoreError) -> Kept? {
    let key = Baseline.settingKey(name)
    guard key.utf8.count <= Self.keyByteCountMax, !name.isEmpty,
      let bytes = try store.setting(key)
    else { return nil }
    return Kept(baseline: try Self.read(bytes, key), bytes: bytes)
  }

  /// Throws `notFound`, with the nearest names.
  func baseline(_ name: String) throws(StoreError) -> Kept {
    if let found = try find(name) { return found }
    let names = try all().map(\.name)
    let near = NearestNames.find(name, among: names).joined(separator: ", ")
    throw StoreError(
      .notFound, "there is no such baseline", object: name,
      remedy: near.isEmpty
        ? "list them with `coppice baseline list`" : Remedy("did you mean \(near)?"))
  }

  /// What data an entry may hold that lies where a baseline's content is called less than its
  /// source was; `nil` where the entry's class is what it says. What was approved there, and came
  /// of that, somebody vouched for.
  func unattestedClass(of entry: EntryInfo) throws(StoreError) -> DataClass? {
    guard try store.annotations(of: entry.name)[.origin] == nil else { return nil }
    for baseline in try all() where baseline.domain.hasBytes(of: entry.domain.description) {
      guard let own = DataClass(rawValue: baseline.dataClass),
        let source = DataClass(rawValue: baseline.sourceClass), own.isLower(than: source)
      else { continue }
      return source
    }
    return nil
  }

  /// Throws `denied` for a branch that a baseline in use is refreshed in.
  func refuse(workBranchAmong names: [String]) throws(StoreError) {
    for name in names {
      guard let kept = try find(name), !kept.baseline.isRetired else { continue }
      throw StoreError(
        .denied, "is the work branch of a baseline", object: name,
        remedy: "\(step: .retire(baseline: name)) first", reason: .policy)
    }
  }

  /// Changes a baseline by what `change` says of it as it is, again when another one was quicker.
  ///
  /// - Parameter change: returns the new value, and the annotations that change with it.
  func change<Result>(
    _ name: String,
    _ change: (Baseline) throws(StoreError) -> (
      Baseline, [(name: String, changes: [AnnotationChange])], Result
    )
  ) throws(StoreError) -> Result {
    while true {
      let kept = try baseline(name)
      let (new, annotations, result) = try change(kept.baseline)
      do throws(StoreError) {
        try store.change(
          Baseline.settingKey(name), from: kept.bytes, to: JSON.encode(new),
          annotating: annotations)
        return result
      } catch {
        guard error.reason == .stale else { throw error }
      }
    }
  }

  /// The value that makes room for another baseline of that name: of a retired one of which nothing
  /// is left. `nil` where there is none; throws `conflict` where it is taken.
  func former(_ name: String) throws(StoreError) -> [UInt8]? {
    guard let kept = try find(name) else { return nil }
    guard kept.baseline.isRetired else { throw Self.exists(name) }
    // What is made less of there than its source was goes on being that.
    guard !kept.baseline.needsAttestation,
      !(try store.entries(in: .named).contains {
        BaselineSnapshots.branch(of: $0.name).hasBytes(of: name)
      })
    else {
      throw Self.exists(
        name, "a retired baseline has that name",
        remedy: "choose another name, or delete its branch with its snapshots first")
    }
    return kept.bytes
  }

  /// Throws `conflict` when there is one of that name.
  ///
  /// - Parameter former: the value in whose place it comes.
  func add(_ baseline: Baseline, insteadOf former: [UInt8]?) throws(StoreError) {
    do throws(StoreError) {
      try store.change(
        Baseline.settingKey(baseline.name), from: former, to: JSON.encode(baseline),
        annotating: [])
    } catch {
      throw error.reason == .stale ? Self.exists(baseline.name) : error
    }
  }

  /// The name is taken.
  private static func exists(
    _ name: String, _ message: String = "there is a baseline of that name", remedy: Remedy? = nil
  ) -> StoreError {
    StoreError(
      .conflict, message, object: name,
      remedy: remedy
        ?? "choose another name; `coppice baseline show \(name)` tells what it is",
      reason: .exists)
  }

  private static let prefix = Baseline.settingPrefix.utf8
  /// What a setting's key has at most.
  private static let keyByteCountMax = 255

  private static func read(_ bytes: [UInt8], _ key: String) throws(StoreError) -> Baseline {
    do throws(JSONFailure) { return try JSON.decode(Baseline.self, from: bytes) } catch {
      throw StoreError(
        .corrupt, "the setting is not that of a baseline", object: key,
        remedy: "a program that uses the library can remove it with `Store.set`",
        cause: error.description)
    }
  }
}
