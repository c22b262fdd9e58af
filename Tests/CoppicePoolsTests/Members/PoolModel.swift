import CoppiceFormat
import CoppicePools
import PoolTestSupport
import Testing

/// What must hold in a pool at any moment, looked at from outside: in the objects as they are.
final class PoolModel {
  private let world: PoolWorld
  private let seed: UInt64
  /// What each state was published as.
  private var names: [LSN: PoolEntryName] = [:]
  private var live: Set<LSN> = []
  private var entriesOfEnded: [PoolMemberNumber: Set<PoolEntryID>] = [:]
  /// For which state a segment's id was given.
  private var states: [UInt64: LSN] = [:]

  init(_ world: PoolWorld, seed: UInt64) {
    self.world = world
    self.seed = seed
  }

  /// An id was given to the push of a state.
  func give(_ intent: OpenIntent, to state: PushedState) {
    for id in intent.ids?.ids ?? 0..<0 {
      #expect(states[id] ?? state.lsn == state.lsn, "P3, seed \(seed): the id \(id) is given twice")
      states[id] = state.lsn
    }
  }

  /// A call said that it has published the state.
  func acknowledge(_ name: PoolEntryName, _ state: PushedState) {
    #expect(
      names[state.lsn] ?? name == name, "P4, seed \(seed): a state has two entries")
    names[state.lsn] = name
  }

  func check() throws {
    let members = try world.members
    let writing = members.filter { $0.state != .ended }
    #expect(writing.count <= 1, "P7, seed \(seed): more than one member writes")
    var found: Set<LSN> = []
    var kept: Set<LSN> = []
    for member in members {
      for entry in member.entries {
        let name = PoolEntryName(member: member.number, entry: entry.id)
        #expect(found.insert(entry.lsn).inserted, "P4, seed \(seed): a state lies there twice")
        #expect(names[entry.lsn] ?? name == name, "P4, seed \(seed): a state was published twice")
        names[entry.lsn] = name
        if !entry.isTombstone { kept.insert(entry.lsn) }
        let id = entry.root.locator.name.segment
        let bytes = world.objects.bytes(of: ObjectKey(known: PoolObjectName.segment(id).key))
        #expect(
          bytes == PoolStore.content(id.rawValue, entry.lsn),
          "P1, seed \(seed): the segment \(id.rawValue) of an entry is not what was written")
      }
      let ids = Set(member.entries.map(\.id))
      if let before = entriesOfEnded[member.number] {
        #expect(ids.isSubset(of: before), "P7, seed \(seed): a member that has ended published")
      }
      if member.state == .ended { entriesOfEnded[member.number] = ids }
    }
    #expect(found.isSuperset(of: live), "P4, seed \(seed): an entry is lost")
    live = kept
  }
}
