package import Coppice
internal import CoppiceEngine
internal import Synchronization

// The deletion of a branch for good is on record before anything can be said of it, and a crash may
// come between the two. So there is a proof from the record on:
//
//  drafted    a file `.owed` beside the proofs says all that will be said of the branch. Nobody has
//             signed it, and it counts for nothing: the branch may stay.
//  owed       the transaction that deletes the branch has set `owed-proof/ID` to the file's name.
//             Whoever asks for the proof, a server and each collection make it of the draft.
//  kept       a signed proof is kept. The setting goes, then the draft.
//
// Each step is durable before the next. A draft without the setting is of a branch that was not
// deleted, or of one whose proof is kept: it is removed by the deletion that made it or, when that
// was killed, by the next. A deletion that can draft nothing, for the disk is full, goes on.

/// The proofs that deletions for good owe.
package struct OwedProofs {
  private static let settingPrefix = "owed-proof/"
  private static let suffix = ".owed"
  /// Paths of drafts whose deletions are under way in this process.
  private static let underWay = Mutex<Set<String>>([])
  /// One proof is made at a time.
  private static let making = Mutex(())

  private let store: Store

  package init(_ store: Store) { self.store = store }

  /// Those that are not kept yet, and whose deletion is on record, in no order.
  package func keys() -> [KeptProofs.Key] {
    store.settings().compactMap { setting, value in
      guard setting.hasPrefix(Self.settingPrefix),
        let key = KeptProofs.Key(fileName: String(decoding: value, as: UTF8.self)),
        setting == Self.setting(key)
      else { return nil }
      return key
    }
  }

  /// Makes and keeps those that are owed, but for those whose deletions are under way. What fails
  /// keeps none of the others from being made; then the last failure is thrown.
  /// Throws what `ProofKeys.signing` and `KeptProofs.keep` do, `corrupt` for a damaged draft.
  ///
  /// - Parameter isMeant: which ones.
  /// - Returns: how many were made.
  @discardableResult
  package func make(
    where isMeant: (KeptProofs.Key) -> Bool = { _ in true }
  ) throws(StoreError) -> Int {
    try Self.making.withLock { _ throws(StoreError) in try makeLocked(isMeant) }
  }

  private func makeLocked(_ isMeant: (KeptProofs.Key) -> Bool) throws(StoreError) -> Int {
    let meant = keys().filter { isMeant($0) && !isUnderWay($0) }
    if meant.isEmpty { return 0 }
    let kept = Set(try KeptProofs(store).keys())
    var count = 0
    var failure: StoreError?
    for key in meant {
      do throws(StoreError) {
        if !kept.contains(key), try make(key) { count += 1 }
        try settle(key)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return count
  }

  /// Returns whether it is kept; not where nothing is left to make it of.
  private func make(_ key: KeptProofs.Key) throws(StoreError) -> Bool {
    guard
      let bytes = try directory()?.read(draftName(key), atMost: Envelope.byteCountMax)
    else { return false }
    guard let draft = ReclaimStatement(unsigned: bytes), draft.predicate.branch.id == key.id else {
      throw StoreError(
        .corrupt, "the proof that is owed cannot be made: what was noted for it is damaged",
        object: "\(KeptProofs.directoryName)/\(draftName(key))",
        remedy: "remove the file; `coppice reclaim verify` tells the same, unsigned")
    }
    try DeletionProof.keep(draft, as: key, in: store)
    return true
  }

  // MARK: One deletion

  /// Notes durably what a proof is made of, before the deletion is on record; removes what killed
  /// deletions left. `end` follows in any case. Throws `full`, `denied`, and `conflict` while
  /// another deletion of the branch is under way.
  ///
  /// - Returns: what the deletion's transaction is to set.
  func draft(
    _ statement: ReclaimStatement, _ key: KeptProofs.Key
  ) throws(StoreError) -> (key: String, value: [UInt8]) {
    let path = path(key)
    guard Self.underWay.withLock({ $0.insert(path).inserted }) else {
      throw StoreError(.conflict, "is being deleted by somebody else", object: key.name)
    }
    do throws(StoreError) {
      let directory = try PrivateDirectory.make(
        KeptProofs.directoryName, in: store.directory, isSecret: false)
      try removeStray(in: directory)
      try directory.write(draftName(key), statement.bytes)
    } catch {
      Self.underWay.withLock { _ = $0.remove(path) }
      throw error
    }
    return (Self.setting(key), Array(key.fileName.utf8))
  }

  /// The deletion is through, whatever came of it: without its setting a draft is nobody's.
  func end(_ key: KeptProofs.Key) {
    if !isOwed(key) {
      // What stays is removed by the next deletion.
      try? directory()?.remove(draftName(key))
    }
    Self.underWay.withLock { _ = $0.remove(path(key)) }
  }

  /// The proof is kept.
  func settle(_ key: KeptProofs.Key) throws(StoreError) {
    guard isOwed(key) else { return }
    try store.set(Self.setting(key), to: nil)
    try directory()?.remove(draftName(key))
  }

  private func removeStray(in directory: PrivateDirectory) throws(StoreError) {
    for name in try directory.names() where name.hasSuffix(Self.suffix) {
      let key = KeptProofs.Key(fileName: String(name.dropLast(Self.suffix.count)))
      guard let key, isOwed(key) || isUnderWay(key) else {
        try directory.remove(name)
        continue
      }
    }
  }

  private func directory() throws(StoreError) -> PrivateDirectory? {
    try PrivateDirectory.find(KeptProofs.directoryName, in: store.directory, isSecret: false)
  }

  private func isOwed(_ key: KeptProofs.Key) -> Bool {
    // Its length is legal.
    let value = (try? store.setting(Self.setting(key))) ?? nil
    return value == Array(key.fileName.utf8)
  }

  private func isUnderWay(_ key: KeptProofs.Key) -> Bool {
    let path = path(key)
    return Self.underWay.withLock { $0.contains(path) }
  }

  private func draftName(_ key: KeptProofs.Key) -> String { key.fileName + Self.suffix }

  /// Of one deletion of a branch at a time.
  private func path(_ key: KeptProofs.Key) -> String { "\(store.directory)/\(key.id)" }

  private static func setting(_ key: KeptProofs.Key) -> String { "\(settingPrefix)\(key.id)" }
}
