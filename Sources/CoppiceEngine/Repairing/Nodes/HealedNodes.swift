internal import CoppiceFormat
internal import CoppicePlatform

/// Reads nodes while damaged ones are being healed: what was healed stands in for what is stored,
/// as itself and as a base. Whatever comes from here has the id that its ref names.
final class HealedNodes {
  let frames: FrameReader
  private let isThere: (Ref) -> Bool
  private var healed: [FrameName: Node] = [:]
  /// What kept something from being read, and says nothing of it.
  private var hindrance: StoreError?

  /// - Parameter isThere: whether a ref leads to a frame. A base that was put together may name
  ///   some that are gone.
  init(_ frames: FrameReader, isThere: @escaping (Ref) -> Bool = { _ in true }) {
    self.frames = frames
    self.isThere = isThere
  }

  var count: Int { healed.count }

  func contains(_ name: FrameName) -> Bool { healed[name] != nil }

  func insert(_ node: Node) { healed[node.locator.name] = node }

  /// Throws when something could not be read that may be sound: what was made of it counts for
  /// nothing.
  func checkUnhindered() throws(StoreError) {
    if let hindrance { throw hindrance }
  }

  /// What was read; `nil` when it cannot be.
  func read<Value>(_ body: @autoclosure () throws(StoreError) -> Value) -> Value? {
    do throws(StoreError) { return try readable(body()) } catch {
      hindrance = hindrance ?? error
      return nil
    }
  }

  /// `nil` when the node cannot be read.
  func node(_ ref: Ref) -> Node? {
    if let known = healed[ref.locator.name], known.header.id == ref.hash { return known }
    if let stored = read(try frames.node(ref)), isProven(stored) { return stored }
    guard let node = onHealedBase(ref.locator), node.header.id == ref.hash else { return nil }
    return node
  }

  /// The node of that name, whatever its id.
  func node(at locator: Locator) -> Node? {
    if let known = healed[locator.name] { return known }
    let stored = frames.codecs.withSet { set throws(Never) in
      read(try frames.decodeNode(locator, set))
    }
    if let stored, isProven(stored) { return stored }
    return onHealedBase(locator)
  }

  /// The locator of the base of a derived node, if that can be read.
  func base(of locator: Locator) -> Locator? {
    guard locator.form.isDerived else { return nil }
    return frames.codecs.withSet { set throws(Never) in read(try frames.base(of: locator, set)) }
  }

  /// A node stored as overrides whose base is damaged: its own id proves what was healed of it, but
  /// for where its children lie.
  private func onHealedBase(_ locator: Locator) -> Node? {
    guard let base = base(of: locator), let baseNode = healed[base.name] else { return nil }
    return frames.codecs.withSet { set throws(Never) -> Node? in
      guard let stored = read(try frames.storedBytes(locator, set)) else { return nil }
      let refs = Node.allocateRefs()
      guard let header = try? set.nodes.decodeOverrides(stored, baseRefs: baseNode.refs, into: refs)
      else {
        refs.deallocate()
        return nil
      }
      let node = Node(header: header, refs: refs, locator: locator, base: base)
      return isProven(node) && node.effectiveRefs.allSatisfy { isThere($0.ref) } ? node : nil
    }
  }

  private func isProven(_ node: Node) -> Bool {
    NodeCodec.identify(node.header, refs: node.refs, secret: frames.secret) == node.header.id
  }
}
