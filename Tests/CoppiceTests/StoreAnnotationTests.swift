import Coppice
import CoppiceEngine
import Testing

@Suite struct StoreAnnotationTests {
  private func tag(
    _ number: UInt16, isCritical: Bool = false, isInherited: Bool = false
  ) throws -> AnnotationTag {
    try #require(
      AnnotationTag(number: number, isCritical: isCritical, isInherited: isInherited))
  }

  @Test func `annotations are set with a branch, changed and inherited`() throws {
    let fixture = try StoreFixture()
    let owner = try tag(6)
    let origin = try tag(9, isInherited: true)
    try fixture.store.createBranch(
      "main", annotations: [AnnotationChange(owner, [1]), AnnotationChange(origin, [2])])
    try fixture.store.createBranch(
      "fork", from: "main", annotations: [AnnotationChange(owner, [3])])
    try fixture.store.createSnapshot("main@one")
    try fixture.store.annotate("main", [AnnotationChange(origin, nil)])
    try fixture.reopen()
    #expect(try fixture.store.annotations(of: "main") == [owner: [1]])
    #expect(try fixture.store.annotations(of: "fork") == [owner: [3], origin: [2]])
    #expect(try fixture.store.annotations(of: "main@one") == [origin: [2]])
    #expect(failure { _ = try fixture.store.annotations(of: "nobody") }?.kind == .notFound)
    #expect(AnnotationTag(number: 1 << 14) == nil)
    #expect("\(try tag(8, isCritical: true, isInherited: true))" == "8, inherited, critical")
  }

  @Test func `settings are kept by their keys' bytes`() throws {
    let fixture = try StoreFixture()
    try fixture.store.set("e\u{301}", to: [1])
    try fixture.store.set("\u{E9}", to: [2])
    try fixture.store.set("gone", to: [3])
    try fixture.store.set("gone", to: nil)
    try fixture.reopen()
    #expect(fixture.store.settings().map(\.value) == [[1], [2]])
    #expect(try fixture.store.setting("\u{E9}") == [2])
    #expect(try fixture.store.setting("gone") == nil)
    #expect(failure { try fixture.store.set("", to: []) }?.kind == .invalid)
  }
}
