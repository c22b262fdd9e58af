import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct DiffTests {
  let fixture: StoreFixture
  var store: Store { fixture.store }

  init() throws { fixture = try StoreFixture() }

  func changes(_ old: String, _ new: String) throws -> [String] {
    try store.diff(old, new, listingPages: true).items.map { item in
      let attributes = item.attributesChanged ? " attributes" : ""
      let pages = (item.pages ?? []).map { "\($0.firstPage)-\($0.firstPage + $0.pageCount - 1)" }
      let content = pages.isEmpty ? "" : " \(pages.joined(separator: ","))"
      switch item.change {
      case .added: return "+ \(item.path)\(content)"
      case .removed: return "- \(item.path)\(content)"
      case .changed: return "~ \(item.path)\(content)\(attributes)"
      case .renamed(let from): return "\(from) > \(item.path)\(content)\(attributes)"
      }
    }
  }

  @Test(arguments: [false, true])
  func `a difference names what happened to each file`(isSealed: Bool) throws {
    let main = try store.createBranch("main")
    try main.createDirectories("d/e")
    let big = try main.writeFile("d/big", [UInt8](repeating: 1, count: 20 * 4096))
    for name in ["gone", "moved", "mode", "touched", "tree", "same"] {
      try main.writeFile(BranchPath(name), [UInt8](name.utf8))
    }
    try main.createSymbolicLink("link", in: .root, target: [65])
    if isSealed { try store.engine.sealer.sealAll() }
    let fork = try store.createBranch("fork", from: "main")
    #expect(try changes("main", "fork") == [])
    try fork.write(big, at: 4096 * 7 + 5, [9])
    try fork.write(big, at: 4096 * 8, [9])
    try fork.write(big, at: 0, [1])
    try fork.truncate(big, to: 19 * 4096)
    try fork.remove("gone", in: .root)
    let d = try fork.lookup("d")
    try fork.rename("moved", in: .root, to: "moved", in: d)
    try fork.setAttributes(of: fork.lookup("mode"), AttributeChanges(permissions: 0o600))
    let touched = AttributeChanges(modified: Timestamp(nanoseconds: 5))
    try fork.setAttributes(of: fork.lookup("touched"), touched)
    try fork.setExtendedAttribute("user.a", of: fork.lookup("same"), to: [1])
    try fork.remove("tree", in: .root)
    try fork.createDirectories("tree/inner")
    try fork.writeFile("d/e/new", [1])
    try fork.remove("link", in: .root)
    try fork.createSymbolicLink("link", in: .root, target: [66])
    if isSealed { try store.engine.sealer.sealAll() }
    #expect(
      try changes("main", "fork") == [
        "~ d/big 7-8,19-19", "+ d/e/new 0-0", "moved > d/moved", "- gone 0-0",
        "~ link attributes", "~ mode attributes", "~ same attributes", "- tree 0-0", "+ tree",
        "+ tree/inner",
      ])
    let item = try #require(try store.diff("main", "fork").items.first)
    #expect(item.oldByteCount == 20 * 4096 && item.newByteCount == 19 * 4096)
    #expect(item.changedPageCount == 3 && item.changedByteCount == 3 * 4096)
    #expect(try changes("fork", "main").contains("+ gone 0-0"))
  }

  @Test func `branches that were never one are compared by their paths`() throws {
    for (name, last) in [("a", 1), ("b", 2)] as [(String, UInt8)] {
      let branch = try store.createBranch(name)
      try branch.createDirectories("x/y")
      try branch.writeFile("x/same", [UInt8](repeating: 3, count: 9000))
      try branch.writeFile(
        "x/y/other", [UInt8](repeating: 4, count: 9000) + [last])
      try branch.writeFile(BranchPath("x/only-\(name)"), [1])
    }
    #expect(try changes("a", "b") == ["- x/only-a 0-0", "+ x/only-b 0-0", "~ x/y/other 2-2"])
  }

  /// Every path with all that a difference may report of it.
  func content(of tree: FileTree) throws -> [BranchPath: [UInt8]] {
    var found: [BranchPath: [UInt8]] = [:]
    func visit(_ directory: FileID, _ path: BranchPath) throws {
      for entry in try tree.readDirectory(directory) {
        let attributes = try tree.attributes(of: entry.file)
        let path = path.appending(entry.name)
        found[path] = [entry.kind.rawValue, UInt8(truncatingIfNeeded: attributes.permissions)]
        for name in try tree.extendedAttributeNames(of: entry.file) {
          found[path, default: []] += name.bytes
          found[path, default: []] += try tree.extendedAttribute(name, of: entry.file)
        }
        if entry.kind == .regular { found[path, default: []] += try tree.read(entry.file) }
        if entry.kind == .directory { try visit(entry.file, path) }
      }
    }
    try visit(.root, .root)
    return found
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `random changes are found, all of them and nothing else`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let main = try store.createBranch("main")
    for number in 0..<4 { try main.createDirectory(FileName("d\(number)"), in: .root) }
    for _ in 0..<60 { try change(main, &random) }
    let other = try store.createBranch("other", from: "main")
    for round in 0..<6 {
      for _ in 0..<12 { try change(random.bool() ? main : other, &random) }
      if random.bool() { try store.engine.sealer.sealAll() }
      if round == 3 { try fixture.reopen() }
      let (old, new) = (try store.branch("main"), try store.branch("other"))
      let before = try content(of: old)
      let after = try content(of: new)
      var expected: Set<String> = []
      for path in Set(before.keys).union(after.keys) where before[path] != after[path] {
        expected.insert(path.description)
      }
      var found: Set<String> = []
      for item in try store.diff("main", "other").items {
        found.insert(item.path.description)
        if case .renamed(let from) = item.change { found.insert(from.description) }
      }
      #expect(found == expected)
      #expect(try old.core.checkNames() + new.core.checkNames() == [])
    }
  }

  private func change(_ handle: Branch, _ random: inout SplitMix64) throws {
    let branch = try store.branch(handle.name)
    let directory = try branch.lookup(BranchPath("d\(random.below(4))"))
    let name = try FileName("f\(random.below(12))")
    let entry = try branch.lookupIfPresent(name, in: directory)
    guard let entry else {
      let file = try branch.createFile(name, in: directory).file
      return try branch.write(file, at: UInt64(random.below(20_000)), random.bytes(9))
    }
    switch random.below(7) {
    case 0: try branch.remove(name, in: directory)
    case 1:
      let target = try branch.lookup(BranchPath("d\(random.below(4))"))
      try branch.rename(name, in: directory, to: FileName("f\(random.below(12))"), in: target)
    case 2: try branch.truncate(entry.file, to: UInt64(random.below(30_000)))
    case 3: try branch.punchHole(entry.file, 0..<UInt64(random.below(30_000)))
    case 4:
      try branch.setAttributes(
        of: entry.file, AttributeChanges(permissions: UInt16(random.below(0o200))))
    case 5:
      let value = random.bytes(random.below(6000))
      try branch.setExtendedAttribute("user.x", of: entry.file, to: value)
    default: try branch.write(entry.file, at: UInt64(random.below(20_000)), random.bytes(50))
    }
  }
}
