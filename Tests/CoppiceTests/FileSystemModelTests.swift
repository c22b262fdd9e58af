import Coppice
import CoppiceEngine
import TestSupport
import Testing

/// A file system of dictionaries, as simple as can be.
struct FileSystemModel: Hashable {
  struct Node: Hashable {
    var isDirectory: Bool
    var names: [String: Int] = [:]
    var bytes: [UInt8] = []
    var attributes: [String: [UInt8]] = [:]
  }

  var nodes: [Int: Node] = [0: Node(isDirectory: true)]
  var next = 1

  var directories: [Int] { nodes.filter { $0.value.isDirectory }.keys.sorted() }

  func isDirectory(_ node: Int, within ancestor: Int) -> Bool {
    if node == ancestor { return true }
    return nodes[ancestor]?.names.values.contains { child in
      nodes[child]?.isDirectory == true && isDirectory(node, within: child)
    } ?? false
  }

  func linkCount(_ node: Int) -> Int {
    guard nodes[node]?.isDirectory == true else {
      return nodes.values.reduce(0) { $0 + $1.names.values.count { $0 == node } }
    }
    return 2 + (nodes[node]?.names.values.count { nodes[$0]?.isDirectory == true } ?? 0)
  }

  mutating func drop(_ name: String, of directory: Int) {
    guard let node = nodes[directory]?.names.removeValue(forKey: name) else { return }
    let isNamed = nodes.values.contains { $0.names.values.contains(node) }
    if !isNamed { nodes[node] = nil }
  }
}

/// A branch and the model of it, changed together.
struct ModelledBranch {
  let branch: Branch
  var model = FileSystemModel()
  var ids: [Int: FileID] = [0: .root]

  mutating func change(_ random: inout SplitMix64) throws {
    let directories = model.directories
    let source = directories[random.below(directories.count)]
    let target = directories[random.below(directories.count)]
    let name = "n\(random.below(8))"
    let newName = "n\(random.below(8))"
    let existing = model.nodes[source]?.names[name]
    let replaced = model.nodes[target]?.names[newName]
    guard let from = ids[source], let to = ids[target] else { return }
    switch random.below(9) {
    case 0, 1:
      try create(name, in: source, from, isDirectory: random.oneIn(3), existing)
    case 2:
      try remove(name, in: source, from, existing)
    case 3, 4:
      try rename(
        (name, source, from, existing), (newName, target, to, replaced), rule(random.below(3)))
    case 5:
      try link(existing, as: newName, in: target, to, replaced)
    default:
      guard let existing, let file = ids[existing] else { return }
      try write(existing, file, &random)
    }
  }

  private func rule(_ number: Int) -> RenameRule { [.replace, .exclusive, .exchange][number] }

  private mutating func create(
    _ name: String, in node: Int, _ directory: FileID, isDirectory: Bool, _ existing: Int?
  ) throws {
    let create = { [branch] in
      try isDirectory
        ? branch.createDirectory(FileName(name), in: directory)
        : branch.createFile(FileName(name), in: directory)
    }
    if existing != nil {
      #expect(failure { _ = try create() }?.reason == .exists)
      return
    }
    ids[model.next] = try create().file
    model.nodes[model.next] = FileSystemModel.Node(isDirectory: isDirectory)
    model.nodes[node]?.names[name] = model.next
    model.next += 1
  }

  private mutating func remove(
    _ name: String, in node: Int, _ directory: FileID, _ existing: Int?
  ) throws {
    let name = (text: name, file: try FileName(name))
    guard let existing, let found = model.nodes[existing] else {
      #expect(failure { try branch.remove(name.file, in: directory) }?.kind == .notFound)
      return
    }
    if found.isDirectory, !found.names.isEmpty {
      let error = failure { try branch.removeDirectory(name.file, in: directory) }
      #expect(error?.reason == .notEmpty)
      return
    }
    if found.isDirectory {
      try branch.removeDirectory(name.file, in: directory)
    } else {
      try branch.remove(name.file, in: directory)
    }
    model.drop(name.text, of: node)
  }

  private typealias Place = (name: String, node: Int, directory: FileID, existing: Int?)

  private mutating func rename(_ old: Place, _ new: Place, _ rule: RenameRule) throws {
    let error = failure {
      try branch.rename(
        FileName(old.name), in: old.directory, to: FileName(new.name), in: new.directory, rule)
    }
    guard let moved = old.existing, let node = model.nodes[moved] else {
      #expect(error?.kind == .notFound)
      return
    }
    let other = new.existing.flatMap { model.nodes[$0] }
    if node.isDirectory, model.isDirectory(new.node, within: moved) {
      #expect(error?.reason == .invalidMove)
    } else if rule == .exchange {
      guard let otherNode = new.existing, let other else {
        #expect(error?.kind == .notFound)
        return
      }
      if other.isDirectory, model.isDirectory(old.node, within: otherNode) {
        #expect(error?.reason == .invalidMove)
        return
      }
      #expect(error == nil)
      model.nodes[old.node]?.names[old.name] = otherNode
      model.nodes[new.node]?.names[new.name] = moved
    } else if let other, rule == .exclusive {
      #expect(error?.reason == .exists, "\(other)")
    } else if new.existing == moved {
      #expect(error == nil)
    } else if let other, node.isDirectory != other.isDirectory {
      #expect(error?.reason == (node.isDirectory ? .notDirectory : .isDirectory))
    } else if let other, !other.names.isEmpty {
      #expect(error?.reason == .notEmpty)
    } else {
      #expect(error == nil)
      if other != nil { model.drop(new.name, of: new.node) }
      model.nodes[old.node]?.names[old.name] = nil
      model.nodes[new.node]?.names[new.name] = moved
    }
  }

  private mutating func link(
    _ existing: Int?, as name: String, in node: Int, _ directory: FileID, _ replaced: Int?
  ) throws {
    guard let existing, let file = ids[existing], let found = model.nodes[existing] else { return }
    let error = failure { try branch.link(file, as: FileName(name), in: directory) }
    if found.isDirectory {
      #expect(error?.reason == .isDirectory)
    } else if replaced != nil {
      #expect(error?.reason == .exists)
    } else {
      #expect(error == nil)
      model.nodes[node]?.names[name] = existing
    }
  }

  private mutating func write(_ node: Int, _ file: FileID, _ random: inout SplitMix64) throws {
    if random.oneIn(3) {
      let value = random.bytes(random.below(2000))
      try branch.setExtendedAttribute("user.a", of: file, to: value)
      model.nodes[node]?.attributes["user.a"] = value
      return
    }
    guard var bytes = model.nodes[node]?.bytes, model.nodes[node]?.isDirectory == false else {
      return
    }
    let place = random.below(9000)
    switch random.below(3) {
    case 0:
      try branch.truncate(file, to: UInt64(place))
      bytes = Array(bytes.prefix(place)) + [UInt8](repeating: 0, count: max(0, place - bytes.count))
    case 1:
      let end = min(place + 5000, bytes.count)
      try branch.punchHole(file, UInt64(place)..<UInt64(place + 5000))
      for index in place..<max(place, end) { bytes[index] = 0 }
    default:
      let written = random.bytes(random.below(6000) + 1)
      try branch.write(file, at: UInt64(place), written)
      let end = place + written.count
      bytes += [UInt8](repeating: 0, count: max(0, end - bytes.count))
      bytes.replaceSubrange(place..<end, with: written)
    }
    model.nodes[node]?.bytes = bytes
  }

  /// What the tree holds is what the model holds.
  func compare(_ tree: FileTree) throws {
    for (number, node) in model.nodes {
      let file = try #require(ids[number])
      let attributes = try tree.attributes(of: file)
      #expect(Int(attributes.linkCount) == model.linkCount(number))
      #expect((attributes.kind == .directory) == node.isDirectory)
      if node.isDirectory {
        let names = try tree.readDirectory(file)
        #expect(names.map(\.name.description) == node.names.keys.sorted())
        #expect(names.map(\.file) == node.names.sorted { $0.key < $1.key }.map { ids[$0.value] })
      } else {
        #expect(try tree.read(file) == node.bytes)
      }
      for (name, value) in node.attributes {
        #expect(try tree.extendedAttribute(AttributeName(name), of: file) == value)
      }
    }
    #expect(try tree.core.checkNames() == [])
  }
}

@Suite struct FileSystemModelTests {
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `random work on branches does what it does to a model`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try StoreFixture()
    var branches = [ModelledBranch(branch: try fixture.store.createBranch("b0"))]
    for round in 1...6 {
      for _ in 0..<80 {
        let index = random.below(branches.count)
        try branches[index].change(&random)
      }
      switch random.below(3) {
      case 0: try fixture.store.engine.sealer.sealAll()
      case 1:
        try fixture.reopen()
        branches = try branches.map { old in
          var new = ModelledBranch(branch: try fixture.store.branch(old.branch.name))
          new.model = old.model
          new.ids = old.ids
          return new
        }
      default: break
      }
      let parent = branches[random.below(branches.count)]
      var child = ModelledBranch(
        branch: try fixture.store.createBranch("b\(round)", from: parent.branch.name))
      child.model = parent.model
      child.ids = parent.ids
      branches.append(child)
      for branch in branches { try branch.compare(branch.branch) }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `after a power cut a branch is what it was after one of its changes`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try StoreFixture()
    var work = ModelledBranch(branch: try fixture.store.createBranch("main"))
    for _ in 0..<60 { try work.change(&random) }
    try work.branch.flush()
    var states = [work.model]
    for _ in 0..<40 {
      try work.change(&random)
      if work.model != states.last { states.append(work.model) }
    }
    try fixture.crash(seed: seed)
    let tree = try fixture.store.branch("main")
    #expect(try tree.core.checkNames() == [])
    let found = try names(of: tree, .root)
    let possible = states.filter { found == names(of: $0, 0) }
    #expect(!possible.isEmpty)
  }

  private func names(of tree: FileTree, _ directory: FileID) throws -> [String] {
    var found: [String] = []
    for entry in try tree.readDirectory(directory) {
      found.append(entry.name.description)
      if entry.kind == .directory {
        found += try names(of: tree, entry.file).map { "\(entry.name)/\($0)" }
      } else {
        let bytes = try tree.read(entry.file)
        found.append("\(bytes.count) \(bytes.reduce(0) { ($0 &* 31) &+ Int($1) })")
      }
    }
    return found
  }

  private func names(of model: FileSystemModel, _ directory: Int) -> [String] {
    var found: [String] = []
    for (name, child) in (model.nodes[directory]?.names ?? [:]).sorted(by: { $0.key < $1.key }) {
      found.append(name)
      guard let node = model.nodes[child] else { continue }
      if node.isDirectory {
        found += names(of: model, child).map { "\(name)/\($0)" }
      } else {
        found.append("\(node.bytes.count) \(node.bytes.reduce(0) { ($0 &* 31) &+ Int($1) })")
      }
    }
    return found
  }
}
