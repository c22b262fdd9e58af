package import CoppiceErrors
package import CoppiceFormat
internal import CoppiceEngine

/// How much of a pool a check reads.
package enum PoolCheckDepth: Sendable {
  /// Head, members, all nodes and indexes, and which segments are there.
  case structure
  /// Every box and every page too.
  case everything
}

/// Something of a pool that is not as it was written.
package struct PoolFinding: Hashable, Sendable {
  /// An object's key, or a frame.
  package let object: String
  package let message: String
  /// The entries that need it.
  package var entries: [PoolEntryName] = []
}

/// What a check has looked at.
package struct PoolCheckResult: Hashable, Sendable {
  package internal(set) var findings: [PoolFinding] = []
  package internal(set) var entryCount = 0
  package internal(set) var segmentCount = 0
  package internal(set) var nodeCount: UInt64 = 0
  package internal(set) var pageCount: UInt64 = 0
  /// Objects of segments that no member has published: of pushes that run or were given up.
  package internal(set) var unpublishedCount = 0

  /// The entries that need something damaged.
  package var damagedEntries: Set<PoolEntryName> { Set(findings.flatMap(\.entries)) }
}

extension PoolAccess {
  /// Looks whether the pool is as it was written.
  ///
  /// - Throws: what says nothing of what is stored: no answer, no rights; `corrupt` for a head or
  ///   a member's object that cannot be read, for without them nothing else can be told.
  package mutating func check(
    _ depth: PoolCheckDepth, _ options: TransferOptions
  ) throws(StoreError) -> PoolCheckResult {
    let head = try head()
    // What this store has copies of says nothing of the pool.
    let content = PoolContent(self, head, options, usesCopies: false)
    let published = Set(try published(of: head).flatMap(\.run.ids).map { SegmentID($0) })
    var check = PoolCheck(content, try entries(of: head).filter(\.entry.isListed))
    try check.lookForSegments(published)
    try check.readNodes()
    try check.readIndexes(of: published)
    try check.lookForUnpublished(published)
    if depth == .everything {
      try check.readBoxes(of: published)
      try check.readPages()
    }
    try check.findAffectedEntries()
    if !check.result.findings.isEmpty, try self.head().cycle != head.cycle {
      throw StoreError(
        .unavailable, "the pool was collected while it was checked", object: site.place,
        remedy: "check it again")
    }
    return check.result
  }
}

extension PoolEntry {
  /// Whether somebody may come for it.
  fileprivate var isListed: Bool { isLive || !pins.isEmpty }
}

/// One check on its way.
struct PoolCheck {
  private let content: PoolContent
  private let entries: [ListedEntry]
  private(set) var result = PoolCheckResult()
  private var leaves: [Ref] = []
  /// By what is damaged, the place of its finding.
  private var damagedSegments: [SegmentID: Int] = [:]
  private var damagedFrames: [FrameName: Int] = [:]
  private var reached: Set<SegmentID> = []

  init(_ content: PoolContent, _ entries: [ListedEntry]) {
    self.content = content
    self.entries = entries
    result.entryCount = entries.count
  }

  private mutating func note(_ segment: SegmentID, _ error: StoreError) {
    guard damagedSegments[segment] == nil else { return }
    damagedSegments[segment] = result.findings.count
    result.findings.append(
      PoolFinding(object: PoolObjectName.segment(segment).key, message: error.message))
  }

  private mutating func note(_ frame: FrameName, _ error: StoreError) {
    guard damagedFrames[frame] == nil else { return }
    damagedFrames[frame] = result.findings.count
    result.findings.append(
      PoolFinding(
        object: "\(PoolObjectName.segment(frame.segment).key), frame \(frame)",
        message: error.message))
  }

  /// Throws what says nothing of what is stored.
  private func damage(
    _ body: () throws(StoreError) -> Void
  ) throws(StoreError) -> StoreError? {
    do throws(StoreError) { try body() } catch {
      guard error.kind == .corrupt || error.reason == .gone else { throw error }
      return error
    }
    return nil
  }

  mutating func lookForSegments(_ published: Set<SegmentID>) throws(StoreError) {
    result.segmentCount = published.count
    let listed: [ListedObject]
    do throws(ObjectStoreError) { listed = try content.store.listAll("segments/") } catch {
      throw StoreError(error, while: "listing the pool", object: content.place)
    }
    let known = Dictionary(
      uniqueKeysWithValues: published.map { (PoolObjectName.segment($0).key, $0) })
    let there = Set(listed.map(\.key.text))
    result.unpublishedCount = there.filter { known[$0] == nil }.count
    for (key, id) in known.sorted(by: { $0.value < $1.value }) where !there.contains(key) {
      // A list may lack what was just written.
      let error = try damage { () throws(StoreError) in _ = try content.reader(of: id) }
      if let error { note(id, error) }
    }
  }

  mutating func readNodes() throws(StoreError) {
    var visited: Set<FrameName> = []
    var pending = entries.map(\.entry.root).filter { !$0.isHole }
    while let ref = pending.popLast() {
      if content.options.shouldStop() { throw .stopped }
      guard visited.insert(ref.locator.name).inserted else { continue }
      result.nodeCount += 1
      var node: Node?
      let error = try damage { () throws(StoreError) in node = try content.node(ref) }
      if let error { note(ref.locator.name, error) }
      reached.insert(ref.locator.name.segment)
      guard let node else { continue }
      if let base = node.base { reached.insert(base.name.segment) }
      for (_, child) in node.effectiveRefs { reached.insert(child.locator.name.segment) }
      if node.header.kind == .volumeNode, node.header.level == 0 {
        leaves.append(ref)
      } else {
        pending += node.effectiveRefs.map(\.ref)
      }
    }
  }

  mutating func readIndexes(of published: Set<SegmentID>) throws(StoreError) {
    for id in published.sorted() where damagedSegments[id] == nil {
      let error = try damage { () throws(StoreError) in _ = try content.frames(of: id) }
      if let error { note(id, error) }
    }
  }

  /// What entries reach and no member lists would be swept one day.
  mutating func lookForUnpublished(_ published: Set<SegmentID>) throws(StoreError) {
    for id in reached.subtracting(published).sorted() {
      note(
        id,
        StoreError(
          .corrupt, "is referred to, and no member says that it is of the pool",
          object: PoolObjectName.segment(id).key))
    }
  }

  mutating func readBoxes(of published: Set<SegmentID>) throws(StoreError) {
    for id in published.sorted() where damagedSegments[id] == nil {
      if content.options.shouldStop() { throw .stopped }
      let error = try damage { () throws(StoreError) in _ = try content.content(of: id) }
      if let error { note(id, error) }
    }
  }

  private static let batchByteCount = 32 << 20

  mutating func readPages() throws(StoreError) {
    let reader = try PageReader(content)
    var seen: Set<FrameName> = []
    var batch: [Ref] = []
    var byteCount = 0
    for leaf in leaves {
      for (_, page) in try content.node(leaf).effectiveRefs
      where seen.insert(page.locator.name).inserted && !isInDamagedSegment(page) {
        batch.append(page)
        byteCount += page.locator.storedByteCount
        // Its base is fetched too, and decoded.
        if page.locator.form.isDerived { byteCount += 2 * content.pageByteCount }
      }
      guard byteCount >= Self.batchByteCount else { continue }
      try verify(batch, reader)
      batch = []
      byteCount = 0
    }
    try verify(batch, reader)
  }

  /// All that lies there, or builds on what does, is one finding.
  private func isInDamagedSegment(_ page: Ref) -> Bool {
    if damagedSegments.isEmpty { return false }
    return damagedSegments[page.locator.name.segment] != nil
      || base(of: page).map { damagedSegments[$0] != nil } ?? false
  }

  private mutating func verify(_ pages: [Ref], _ reader: PageReader) throws(StoreError) {
    if content.options.shouldStop() { throw .stopped }
    result.pageCount += UInt64(pages.count)
    let failure = try damage { () throws(StoreError) in
      for found in try reader.damage(of: pages) { note(found.page.locator.name, found.error) }
    }
    guard let failure else { return }
    result.pageCount -= UInt64(pages.count)
    if pages.count == 1, let page = pages.first {
      result.pageCount += 1
      note(page.locator.name, failure)
    } else {
      // One of many requests met something damaged: a search by halves finds whose.
      let sorted = pages.sorted { $0.locator.name < $1.locator.name }
      try verify(Array(sorted[..<(sorted.count / 2)]), reader)
      try verify(Array(sorted[(sorted.count / 2)...]), reader)
    }
  }

  /// Says of each finding which entries need it.
  mutating func findAffectedEntries() throws(StoreError) {
    guard !result.findings.isEmpty else { return }
    for listed in entries {
      var affected: Set<Int> = []
      var visited: Set<FrameName> = []
      var pending = [listed.entry.root].filter { !$0.isHole }
      while let ref = pending.popLast() {
        let name = ref.locator.name
        guard visited.insert(name).inserted else { continue }
        if let index = damagedSegments[name.segment] { affected.insert(index) }
        if let index = damagedFrames[name] { affected.insert(index) }
        if let base = base(of: ref), let index = damagedSegments[base] { affected.insert(index) }
        guard ref.locator.form.kind != .page, damagedFrames[name] == nil,
          let node = try? content.node(ref)
        else { continue }
        pending += node.effectiveRefs.map(\.ref)
      }
      for index in affected { result.findings[index].entries.append(listed.name) }
    }
  }
}

extension PoolCheck {
  /// The segment of what a page or node builds on, as far as that can be told.
  private func base(of ref: Ref) -> SegmentID? {
    guard ref.locator.form.isDerived else { return nil }
    let name = ref.locator.name
    if ref.locator.form.kind == .page {
      return (try? content.frames(of: name.segment))?.frame(name)?.base.segment
    }
    return (try? content.node(ref))?.base?.name.segment
  }
}

extension PageReader {
  /// What is wrong with pages, each with what it builds on.
  func damage(of pages: [Ref]) throws(StoreError) -> [(page: Ref, error: StoreError)] {
    var stored = try fetch(pages.map(\.locator))
    let bases = try bases(of: pages, stored)
    let names = Set(pages.map(\.locator.name))
    stored.merge(try fetch(Set(bases.values.filter { !names.contains($0.name) })))
    let decoded = try decodeBases(Array(Set(bases.values)), stored)
    return try verify(pages, stored) { page throws(StoreError) in
      bases[page.locator.name].flatMap { decoded[$0.name]?.page }
    }
  }
}
