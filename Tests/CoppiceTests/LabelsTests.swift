import Coppice
import CoppicePlatform
import Testing

/// Labels, owners and names that look alike in other bytes.
@Suite struct LabelsTests {
  /// One letter in one scalar and in two: equal to `==`.
  private let one = "caf\u{E9}"
  private let two = "cafe\u{301}"

  @Test func `labels are told apart by their bytes`() {
    var labels: Labels = [one: "1", two: "2", "z": "3"]
    #expect(labels.count == 3 && labels[one] == "1" && labels[two] == "2")
    #expect(labels.map(\.value) == ["2", "1", "3"])
    #expect(labels.contains([two: "2"]) && labels.contains([:]))
    #expect(!labels.contains([two: "1"]) && !labels.contains(["y": ""]))
    labels[one] = nil
    #expect(labels.count == 2 && labels[one] == nil && labels[two] == "2")
    #expect([one: one] as Labels != [one: two] && [one: one] as Labels != [two: one])
    #expect(!([one: one] as Labels).contains([one: two]))
    labels.merge([two: "4", "a": "5"])
    #expect(labels == ["a": "5", two: "4", "z": "3"])
    #expect(Set<Labels>([[one: ""], [two: ""], [one: ""]]).count == 2)
    #expect(Labels([(key: "a", value: "1"), (key: "a", value: "2")]) == ["a": "2"])
  }

  @Test func `labels of an entry are removed and replaced by the bytes of their keys`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    try store.createBranch("a", terms: EntryTerms(labels: [one: "1"]))
    try store.label(["a"], ["x": "2"], removing: [two])
    #expect(try store.entry("a").labels == [one: "1", "x": "2"])
    try store.label(["a"], [one: "3"])
    #expect(try store.entry("a").labels == [one: "3", "x": "2"])
    try store.label(["a"], [two: "4"], removing: [one])
    try fixture.reopen()
    #expect(try fixture.store.entry("a").labels == [two: "4", "x": "2"])
  }

  /// Readers of JSON would lose one of them.
  @Test func `an entry has no two labels whose keys look alike`() throws {
    let store = try StoreFixture().store
    try store.createBranch("a", terms: EntryTerms(labels: [one: "1"]))
    let refused = failure { try store.label(["a"], [two: "2"]) }
    #expect(refused?.kind == .invalid && refused?.message.contains("in different bytes") == true)
    #expect(try store.entry("a").labels == [one: "1"])
    let both = EntryTerms(labels: [one: "1", two: "2"])
    #expect(failure { try store.createBranch("b", terms: both) }?.kind == .invalid)
    #expect(try store.entries().count == 1)
  }

  @Test func `entries come in the order of their names' bytes`() throws {
    let store = try StoreFixture().store
    let names = ["f", one, two, "cafz", "\u{1F600}", "\u{FF5E}"]
    for name in names { try store.createBranch(name) }
    let listed = try store.entries().map(\.name.nameKey)
    #expect(listed == names.map(\.nameKey).sorted { $0.lexicographicallyPrecedes($1) })
  }
}
