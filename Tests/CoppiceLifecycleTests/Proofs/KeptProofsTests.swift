import Coppice
import CoppiceLifecycle
import CoppicePlatform
import TestSupport
import Testing

/// Proofs as the store keeps them.
@Suite struct KeptProofsTests {
  private let folder: TemporaryFolder
  private let store: Store

  init() throws {
    folder = try TemporaryFolder()
    store = try Store.create(at: folder("store"))
  }

  private func key(_ second: Int64, _ id: UInt64, _ name: String = "trial") -> KeptProofs.Key {
    KeptProofs.Key(
      deletedAt: Timestamp(seconds: second, nanoseconds: 7), id: id, name: name)
  }

  private let proof: Envelope = {
    do { return try ReclaimStatement.sample().signed(by: PrivateProofKey()) } catch {
      preconditionFailure("\(error)")
    }
  }()

  private func time(_ second: Int64) -> Timestamp { Timestamp(seconds: second, nanoseconds: 0) }

  @Test func `a kept proof is found by the branch's name, the last one first`() throws {
    let kept = KeptProofs(store)
    #expect(try kept.keys() == [])
    try kept.keep(proof, as: key(2_000_000_000, 7))
    try kept.keep(proof, as: key(1_999_999_999, 12))
    try kept.keep(proof, as: key(2_000_000_001, 8, "o$'\\x~"))
    #expect(try kept.keys().map(\.id) == [12, 7, 8])
    #expect(try kept.key(of: "trial").id == 7)
    #expect(try kept.key(of: "trial", id: 12).id == 12)
    #expect(try kept.envelope(try kept.key(of: "o$'\\x~")) == proof)
    let error = #expect(throws: StoreError.self) { try kept.key(of: "trial", id: 9) }
    #expect(error?.kind == .notFound)
    // One of the same deletion takes the place of the other.
    try kept.keep(proof, as: key(2_000_000_000, 7))
    #expect(try kept.keys().count == 3)
    #expect(try store.check().findings.isEmpty)
  }

  @Test func `a proof tells by its name of what the branch ended`() throws {
    let kept = KeptProofs(store)
    var keys = EntryEnding.Cause.allCases.enumerated().map { number, cause in
      KeptProofs.Key(
        deletedAt: time(Int64(number)), id: UInt64(number), name: "ttl", cause: cause)
    }
    keys.append(key(9, 9, "ttl"))
    try kept.keep(keys.map { (proof, $0) })
    #expect(try kept.keys() == keys)
    #expect(try kept.key(of: "ttl").cause == nil)
    #expect(try kept.key(of: "ttl", id: 1).cause == .lease)
  }

  @Test func `the oldest proofs go when there are too many, and never one that is made`() throws {
    let kept = KeptProofs(store, countMax: 4)
    let day: Int64 = 86_400
    for number in 0..<4 { try kept.keep(proof, as: key(Int64(number) * day, UInt64(number))) }
    // However long it is since the others, by whatever clock.
    try kept.keep(proof, as: key(900 * day, 4))
    #expect(try kept.keys().map(\.id) == [1, 2, 3, 4])
    try kept.keep(proof, as: key(0, 6))
    #expect(try kept.keys().map(\.id) == [6, 2, 3, 4])
  }

  @Test func `a proof is outdated when deletion and file are 90 days old`() throws {
    let kept = KeptProofs(store)
    #expect(try kept.removeOutdated(at: time(0)) == 0)
    let day: Int64 = 86_400
    let now = Timestamp(nanoseconds: SystemClock().wallNanoseconds()).seconds
    for (id, age) in [(1, 200 * day), (2, 90 * day + 1), (3, 90 * day), (4, -day)] {
      try kept.keep(proof, as: key(now - age, UInt64(id)))
    }
    // What a clock that stood behind kept is younger than it says.
    #expect(try kept.removeOutdated(at: time(now)) == 0)
    for name in try HostDirectory(path: folder("store/proofs")).names() {
      let file = try HostDirectory(path: folder("store/proofs")).openFile(name)
      try file.setTimes(accessed: 0, modified: (now - 90 * day - 1) * 1_000_000_000)
    }
    #expect(try kept.removeOutdated(at: time(now)) == 2)
    #expect(try kept.keys().map(\.id) == [3, 4])
    #expect(try kept.removeOutdated(at: time(.min)) == 0)
  }

  @Test func `proofs by clocks that stood before 1970 keep their times and their order`() throws {
    let kept = KeptProofs(store)
    let seconds: [Int64] = [-9_000_000_000, -86_401, -1, 0, 1]
    for (index, second) in seconds.enumerated().reversed() {
      try kept.keep(proof, as: key(second, UInt64(index)))
    }
    #expect(try kept.keys().map(\.deletedAt.seconds) == seconds)
    let dates = try kept.keys().map(\.deletedAt.description)
    #expect(dates[0] == "1684-10-19T08:00:00Z" && dates[1] == "1969-12-30T23:59:59Z")
    let last = try kept.key(of: "trial", id: 1)
    #expect(try kept.envelope(last) == proof && last.deletedAt == time(-86_401))
  }

  @Test func `a damaged file is told as that, and other files are nobody's proofs`() throws {
    let kept = KeptProofs(store)
    try kept.keep(proof, as: key(100, 7))
    let name = try HostDirectory(path: folder("store/proofs")).names()[0]
    try folder.write(
      "store/proofs/" + String(decoding: name, as: UTF8.self), proof.bytes.dropLast(9))
    let error = #expect(throws: StoreError.self) { try kept.envelope(try kept.key(of: "trial")) }
    #expect(error?.kind == .corrupt && error?.object.hasPrefix("proofs/") == true)
    for other in ["note.txt", "x~1~trial.json", "1~y~trial.json", ".00000000100~7~trial.json.new"] {
      try folder.write("store/proofs/\(other)", [])
    }
    #expect(try kept.keys().count == 1)
  }
}
